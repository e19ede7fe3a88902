//! The kernel's BTF, and what is made of it.
#![no_main]

#[path = "../../crates/skcheck-bpf/src/btf/small.rs"]
mod small;

use libfuzzer_sys::fuzz_target;
use small::{Small, small};

/// Names as the strings of an object have them.
const OBJECT: &[u8] = b"\0sock\0sk_buff___old\0inner\0outer\0iter/tcp\0iter/task_file\0";

fuzz_target!(|file: &[u8]| {
    let Some(Small { types, iterators }) = small(file, &[OBJECT]) else { return };
    // What was made has the layout, and nothing that could be left out.
    let again = small(&types, &[OBJECT]).expect("the types are indexed");
    assert_eq!(again.types, types);
    for (over, number) in iterators {
        assert!(["tcp", "task_file"].contains(&over.as_str()) && number > 0, "{over}: {number}");
    }
});
