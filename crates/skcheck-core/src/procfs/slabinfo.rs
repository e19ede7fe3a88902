//! /proc/slabinfo, and /sys/kernel/slab.

use crate::procfs::number::{decimal, words};

/// The slabs that packets come from.
pub const SKB_SLABS: [&str; 2] = ["skbuff_head_cache", "skbuff_fclone_cache"];

/// Active objects of a slab in /proc/slabinfo. `None` when it is not listed: a slab can be merged
/// with others of its size, and then has no line.
pub fn active_objects(slabinfo: &[u8], slab: &str) -> Option<u64> {
    slabinfo.split(|&b| b == b'\n').find_map(|line| {
        let mut words = words(line);
        (words.next()? == slab.as_bytes()).then(|| decimal(words.next()?))?
    })
}

/// Active objects of a slab in its /sys/kernel/slab/NAME/objects. For a merged slab these are the
/// objects of all that were merged: more than its own, never fewer.
pub fn active_objects_at_most(objects: &[u8]) -> Option<u64> {
    decimal(words(objects).next()?)
}
