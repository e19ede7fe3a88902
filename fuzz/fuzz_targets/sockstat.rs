//! The network's own files: /proc/net/sockstat, sockstat6, protocols and the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::procfs::protocols::protocol_in_use;
use skcheck_core::testing::procfs::sockstat::{any_in_use, in_use};
use skcheck_core::testing::{NetworkFiles, network};
use skcheck_core::{HostFacts, PageSize};

fuzz_target!(|file: &[u8]| {
    let mut files = NetworkFiles::default();
    files.sockstat = Some(file);
    files.sockstat6 = Some(file);
    files.protocols = Some(file);
    files.tcp_mem = Some(file);
    files.udp_mem = Some(file);
    let network = network(&files, &HostFacts::assumed(PageSize(4096)));
    let _ = network.tcp.and_then(|tcp| tcp.share_of_pressure());
    let _ = (any_in_use(file), in_use(file, "TCP6"), protocol_in_use(file, "MPTCP"));
});
