//! What `walk.c` puts into its ring buffer.
#![no_main]

#[allow(dead_code, unused_imports, reason = "what is not about these records")]
#[path = "../../crates/skcheck-bpf/src/wire/mod.rs"]
mod wire;

use libfuzzer_sys::fuzz_target;
use wire::{WalkRecord, ended_slot};

fuzz_target!(|record: &[u8]| {
    let decoded = WalkRecord::decode(record);
    if let Some((_, WalkRecord::Packet(packet))) = &decoded {
        // Each takes 24 bytes.
        assert_eq!(80 + packet.fragments.len() * 24, record.len());
    }
    if let Some((slot, WalkRecord::SocketEnd(_))) = &decoded {
        assert_eq!(ended_slot(record), Some(*slot));
    }
    // What follows, or is lacking, makes it none.
    let padded = [record, &[0xff; 8]].concat();
    assert!(decoded.is_none() || WalkRecord::decode(&padded).is_none());
    let cut = record.split_last().map_or(record, |(_, cut)| cut);
    assert!(decoded.is_none() || WalkRecord::decode(cut).is_none());
});
