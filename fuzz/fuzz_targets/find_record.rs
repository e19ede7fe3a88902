//! What `find.c` puts into its ring buffer.
#![no_main]

#[allow(dead_code, unused_imports, reason = "what is not about these records")]
#[path = "../../crates/skcheck-bpf/src/wire/mod.rs"]
mod wire;

use libfuzzer_sys::fuzz_target;
use skcheck_core::{Footprint, HostFacts, PageSize};
use wire::FindRecord;

fuzz_target!(|record: &[u8]| {
    let host = HostFacts::assumed(PageSize(4096));
    let decoded = FindRecord::decode(record);
    if let Some(FindRecord::Socket(found)) = &decoded {
        assert!(found.socket.inode.is_some());
        let _ = Footprint::of(&found.socket, found.unix_queue.map(|queue| queue.truesize), &host);
    }
    // What follows, or is lacking, makes it none.
    let padded = [record, &[0xff; 8]].concat();
    assert!(decoded.is_none() || FindRecord::decode(&padded).is_none());
    let cut = record.split_last().map_or(record, |(_, cut)| cut);
    assert!(decoded.is_none() || FindRecord::decode(cut).is_none());
});
