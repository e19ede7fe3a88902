//! /proc/vmallocinfo.

use crate::model::units::Pages;

/// Pages of vmalloc: what is mapped for devices (`ioremap`) has none.
pub(crate) fn pages(vmallocinfo: &[u8]) -> Pages {
    let lines = vmallocinfo.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let pages = lines.filter_map(|line| {
        line.split_whitespace().find_map(|word| word.strip_prefix("pages="))?.parse::<u64>().ok()
    });
    Pages(pages.fold(0, u64::saturating_add))
}
