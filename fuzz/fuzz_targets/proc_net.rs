//! The tables of /proc/net: the first byte chooses one, the others are the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::procfs::net;
use skcheck_core::{Footprint, HostFacts, PageSize, Table};

fuzz_target!(|input: &[u8]| {
    let Some((&table, file)) = input.split_first() else { return };
    let host = HostFacts::assumed(PageSize(4096));
    let lines = file.split(|&b| b == b'\n').filter(|line| !line.is_empty()).count() as u64;
    let mut sockets = 0;
    let bad = net::parse(Table::ALL[usize::from(table) % Table::ALL.len()], file, |socket| {
        sockets += 1;
        let _ = Footprint::of(&socket, None, &host);
    });
    assert!(sockets + bad <= lines.saturating_sub(1));
});
