//! Facts about the host, parsed from files that somebody else has read. Pure.

use std::io::{BufRead, BufReader, Read};

use crate::units::Pages;

/// What a kernel's configuration tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelConfig {
    /// `CONFIG_MAX_SKB_FRAGS`; `None`: the kernel has no such option.
    pub max_skb_frags: Option<u32>,
    /// `CONFIG_VMAP_STACK`: kernel stacks lie in vmalloc.
    pub vmap_stack: bool,
}

impl KernelConfig {
    /// Parses a configuration, as plain text or gzip. `None`: it is none that can be read.
    pub fn parse(config: &[u8]) -> Option<KernelConfig> {
        const GZIP: [u8; 2] = [0x1f, 0x8b];
        /// A configuration is about 300 KiB; a file that unpacks to much more is none.
        const LARGEST: u64 = 16 << 20;
        if config.starts_with(&GZIP) {
            KernelConfig::read(BufReader::new(flate2::read::GzDecoder::new(config).take(LARGEST)))
        } else {
            KernelConfig::read(config)
        }
    }

    /// Reads no further than to the last option of interest, `CONFIG_MAX_SKB_FRAGS`: unpacking is what
    /// costs.
    fn read(mut config: impl BufRead) -> Option<KernelConfig> {
        let mut known = KernelConfig { max_skb_frags: None, vmap_stack: false };
        let mut is_config = false;
        let mut line = Vec::new();
        while config.read_until(b'\n', &mut line).ok()? > 0 {
            if let Some(value) = line.strip_prefix(b"CONFIG_MAX_SKB_FRAGS=") {
                let value = std::str::from_utf8(value).ok();
                known.max_skb_frags = value.and_then(|value| value.trim().parse().ok());
                return Some(known);
            }
            known.vmap_stack |= line.starts_with(b"CONFIG_VMAP_STACK=y");
            is_config |= line.starts_with(b"CONFIG_");
            line.clear();
        }
        is_config.then_some(known)
    }
}

/// Whether a kernel's release (`uname -r`, /proc/sys/kernel/osrelease) is this version or newer.
pub fn is_release_at_least(release: &[u8], version: (u32, u32)) -> bool {
    let release = String::from_utf8_lossy(release);
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= version,
        _ => false,
    }
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

/// The memory of all TCP sockets of the host, in every namespace (`mem` of /proc/net/sockstat,
/// `tcp_memory_allocated`), in pages. Each CPU may keep up to 1 MiB that it has not reported yet.
pub fn tcp_memory(sockstat: &[u8]) -> Option<Pages> {
    sockstat_number(sockstat, "TCP:", "mem").map(Pages)
}

/// One number of /proc/net/sockstat or sockstat6: the one named `name` in the line that begins with
/// `protocol`.
pub fn sockstat_number(sockstat: &[u8], protocol: &str, name: &str) -> Option<u64> {
    let mut lines = sockstat.lines().map_while(Result::ok);
    lines.find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == protocol).then(|| words.skip_while(|word| *word != name).nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases() {
        let all = [
            ("6.8.0", true),
            ("6.18.44-fc\n", true),
            ("7.0", true),
            ("6.1.0-44-cloud", false),
            ("5.17", false),
            ("", false),
            ("6", false),
            ("six.eight", false),
        ];
        for (release, expected) in all {
            assert_eq!(is_release_at_least(release.as_bytes(), (6, 8)), expected, "{release}");
        }
    }
}
