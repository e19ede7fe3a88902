//! What `walk.c` puts into its ring buffer.
#![no_main]

#[allow(dead_code, reason = "what is not about these records")]
#[path = "../../crates/skcheck-bpf/src/wire.rs"]
mod wire;

use libfuzzer_sys::fuzz_target;
use wire::{WalkRecord, ended_slot};

fuzz_target!(|record: &[u8]| {
    let decoded = WalkRecord::decode(record);
    if let Some((_, WalkRecord::Packet(packet))) = &decoded {
        // Each takes 24 bytes.
        assert!(packet.fragments.len() * 24 < record.len());
    }
    if let Some((slot, WalkRecord::SocketEnd(_))) = &decoded {
        assert_eq!(ended_slot(record), Some(*slot));
    }
    // What follows is no part of a record.
    let padded = [record, &[0xff; 8]].concat();
    assert!(decoded.is_none() || WalkRecord::decode(&padded) == decoded);
});
