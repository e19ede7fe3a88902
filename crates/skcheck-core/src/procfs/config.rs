//! A kernel's configuration: /proc/config.gz, /boot/config-RELEASE.

use std::io::{BufRead, BufReader, Read};

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
