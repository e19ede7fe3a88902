//! /proc/slabinfo, and /sys/kernel/slab.

use std::io::BufRead;

/// The slabs that packets come from.
pub const SKB_SLABS: [&str; 2] = ["skbuff_head_cache", "skbuff_fclone_cache"];

/// Active objects of a slab in /proc/slabinfo. `None` when it is not listed: a slab can be merged
/// with others of its size, and then has no line.
pub fn active_objects(slabinfo: &[u8], slab: &str) -> Option<u64> {
    let mut lines = slabinfo.lines().map_while(Result::ok);
    lines.find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == slab).then(|| words.next()?.parse().ok())?
    })
}

/// Active objects of a slab in its /sys/kernel/slab/NAME/objects. For a merged slab these are the
/// objects of all that were merged: more than its own, never fewer.
pub fn active_objects_at_most(objects: &[u8]) -> Option<u64> {
    std::str::from_utf8(objects).ok()?.split_whitespace().next()?.parse().ok()
}
