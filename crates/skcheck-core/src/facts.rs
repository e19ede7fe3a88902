//! Facts about the host, parsed from files that somebody else has read. Pure.

use std::io::{BufRead, BufReader, Read};

use crate::units::Pages;

/// `CONFIG_MAX_SKB_FRAGS` from a kernel's configuration, as plain text or gzip.
///
/// `Some(None)`: this is a configuration, and the kernel has no such option. `None`: this is no
/// configuration that can be read.
pub fn max_skb_frags(config: &[u8]) -> Option<Option<u32>> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    /// A configuration is about 300 KiB; a file that unpacks to much more is none.
    const LARGEST: u64 = 16 << 20;
    if config.starts_with(&GZIP) {
        max_skb_frags_of(BufReader::new(flate2::read::GzDecoder::new(config).take(LARGEST)))
    } else {
        max_skb_frags_of(config)
    }
}

/// Reads no further than to the option: unpacking is what costs.
fn max_skb_frags_of(mut config: impl BufRead) -> Option<Option<u32>> {
    let mut is_config = false;
    let mut line = Vec::new();
    while config.read_until(b'\n', &mut line).ok()? > 0 {
        if let Some(value) = line.strip_prefix(b"CONFIG_MAX_SKB_FRAGS=") {
            let value = std::str::from_utf8(value).ok();
            return Some(value.and_then(|value| value.trim().parse().ok()));
        }
        is_config |= line.starts_with(b"CONFIG_");
        line.clear();
    }
    is_config.then_some(None)
}

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

/// Pages on the free lists of the CPUs, in /proc/zoneinfo: not in MemFree, and owned by nobody.
pub fn per_cpu_free(zoneinfo: &[u8]) -> Pages {
    let lines = zoneinfo.lines().map_while(Result::ok);
    let counts = lines.filter_map(|line| line.trim().strip_prefix("count:")?.trim().parse::<u64>().ok());
    Pages(counts.fold(0, u64::saturating_add))
}

/// Memory in use that no counter of /proc/meminfo owns, in bytes: taken straight from the page
/// allocator. Negative when counters overlap.
///
/// MemTotal less MemFree, less the LRU lists (Active, Inactive, Unevictable), Slab, PageTables,
/// SecPageTables, VmallocUsed, Percpu, Hugetlb, Bounce, HardwareCorrupted and Zswap. Kernel stacks
/// are inside VmallocUsed on kernels that map them (CONFIG_VMAP_STACK), so they are not taken off
/// again. `None` when the file cannot be parsed.
pub fn unowned(meminfo: &[u8]) -> Option<i64> {
    /// On every kernel; those that depend on its version or configuration are in `OPTIONAL`.
    const ALWAYS: [&str; 5] = ["Active", "Inactive", "Slab", "PageTables", "VmallocUsed"];
    const OPTIONAL: [&str; 7] =
        ["Unevictable", "SecPageTables", "Percpu", "Hugetlb", "Bounce", "HardwareCorrupted", "Zswap"];
    // Not procfs's parser: it panics on text that is not ASCII, and multiplies without a check.
    let text = String::from_utf8_lossy(meminfo);
    let bytes = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kib: u64 = value.split_whitespace().next()?.parse().ok()?;
        // No host has more; and so no sum of these can overflow.
        (kib < 1 << 48).then_some(())?;
        i64::try_from(kib * 1024).ok()
    };
    let always: Vec<i64> = ALWAYS.into_iter().map(bytes).collect::<Option<_>>()?;
    let owned: i64 = always.into_iter().chain(OPTIONAL.into_iter().filter_map(bytes)).sum();
    Some(bytes("MemTotal")? - bytes("MemFree")? - owned)
}

/// The memory of all TCP sockets of the host, in every namespace (`mem` of /proc/net/sockstat,
/// `tcp_memory_allocated`), in pages. Each CPU may keep up to 1 MiB that it has not reported yet.
pub fn tcp_memory(sockstat: &[u8]) -> Option<Pages> {
    let line = sockstat.lines().map_while(Result::ok).find(|line| line.starts_with("TCP:"))?;
    let mut words = line.split_whitespace().skip_while(|word| *word != "mem");
    words.nth(1)?.parse().ok().map(Pages)
}
