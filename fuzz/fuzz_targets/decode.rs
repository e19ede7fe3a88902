//! Any bytes through every decoder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skcheck_core::testing::decode::Answer;
use skcheck_core::testing::procfs::stat::Stat;
use skcheck_core::testing::procfs::status::Status;
use skcheck_core::testing::procfs::vmstat::Vmstat;
use skcheck_core::testing::procfs::{config, net, slabinfo, sockstat};
use skcheck_core::{Footprint, HostFacts, PageSize, Table, Truesize, testing};

fuzz_target!(|input: &[u8]| {
    let Some((&table, bytes)) = input.split_first() else { return };
    let table = Table::ALL[usize::from(table) % Table::ALL.len()];
    let host = HostFacts::assumed(PageSize(4096));
    // The sequence number of the first message is what is waited for: most inputs get past it.
    let sequence = bytes.get(8..12).map_or(0, |b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
    let mut answer = Answer::new(table, sequence);
    let mut records = 0;
    let _ = answer.datagram(bytes, |record| {
        records += 1;
        let _ = record.pending_inodes().count();
        let socket = record.into_socket();
        for charge in [None, Some(Truesize(u64::MAX))] {
            let footprint = Footprint::of(&socket, charge, &host);
            for side in [footprint.received, footprint.sent] {
                assert_eq!(side.worst.is_some(), side.charged.is_some());
                assert!(side.worst.is_none_or(|worst| Some(worst.bytes.0) >= side.charged.map(|c| c.0)));
            }
        }
    });
    assert!(records * 16 <= bytes.len());
    let _ = (testing::skmem(bytes), testing::tcp_info(bytes));
    let _ = net::parse(table, bytes, drop);
    // Unpacking may take long and is flate2's to prove.
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        let _ = config::KernelConfig::parse(bytes);
    }
    let _ = (slabinfo::active_objects(bytes, "skbuff_head_cache"), sockstat::tcp_memory(bytes));
    let _ = (Stat::parse(bytes), Status::parse(bytes), Vmstat::parse(bytes).get("nr_memmap_pages"));
});
