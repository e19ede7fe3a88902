//! What stands beside the ledger: the network's own books, the census, memory outside of the total.

use skcheck_core::memory::census::{Census, PageClass};
use skcheck_core::memory::network::{MemLimits, Network, ProtocolMemory};
use skcheck_core::memory::reserved::Reserved;
use skcheck_core::{Blocks, Bytes, PageSize, Pages};

use crate::output::measured::enumerate;
use crate::text::{Charset, grouped, percent, size};

/// How many other sizes of blocks are named.
const SIZES: usize = 3;

/// What the network stack counts itself.
pub(super) fn network(network: &Network, page: PageSize) -> Vec<String> {
    let mut lines = Vec::new();
    let protocols = [("TCP", network.tcp), ("UDP", network.udp)];
    let used: Vec<String> = protocols
        .into_iter()
        .filter_map(|(name, memory)| Some(format!("{name} {}", protocol(&memory?, page))))
        .collect();
    if !used.is_empty() {
        let pressure = match network.under_pressure.as_slice() {
            [] => "no pressure, so the kernel sees nothing wrong".to_owned(),
            names => format!("under memory pressure: {}", names.join(", ")),
        };
        lines.push(format!("The network's own books: {}; {pressure}.", used.join(", ")));
    }
    let counts = [
        (network.tcp_allocated, "allocated"),
        (network.tcp_orphans, "orphaned"),
        (network.tcp_time_wait, "in TIME-WAIT"),
    ];
    let mut counts: Vec<String> =
        counts.into_iter().filter_map(|(n, what)| Some(format!("{} {what}", grouped(n?)))).collect();
    if let Some(first) = counts.first_mut() {
        *first = format!("TCP sockets: {first}");
    }
    if let Some(packets) = network.skb_objects {
        let bound = network.skb_bound.map_or_else(|| "?".to_owned(), |bound| size(bound.0));
        let packets =
            format!("{} packets in use on the whole host, which pin {bound} at worst", grouped(packets));
        lines.push(match counts.is_empty() {
            true => format!("{packets}."),
            false => format!("{}. {packets}.", counts.join(", ")),
        });
    } else if !counts.is_empty() {
        lines.push(format!("{}. Packets in use on the host: ? (root only).", counts.join(", ")));
    }
    lines
}

/// Truesize in use, and how near that is to where the kernel holds back.
fn protocol(memory: &ProtocolMemory, page: PageSize) -> String {
    let bytes = |pages: Pages| size(pages.bytes(page).0);
    match memory.limits {
        Some(MemLimits { pressure, .. }) => {
            format!("{} of {} ({})", bytes(memory.used), bytes(pressure), percent(memory.used.0, pressure.0))
        }
        None => bytes(memory.used),
    }
}

/// What every page is, the most first; what belongs to nobody is told by itself.
pub(super) fn classes(census: &Census) -> String {
    let told = census.classes.iter().filter(|(class, pages)| {
        pages.0 > 0 && !matches!(class, PageClass::Absent | PageClass::OffList | PageClass::Unflagged)
    });
    let mut told: Vec<_> = told.copied().collect();
    told.sort_by_key(|(_, pages)| std::cmp::Reverse(pages.0));
    let words: Vec<String> = told
        .into_iter()
        .map(|(class, pages)| format!("{} {}", class_name(class), size(pages.bytes(census.page_size).0)))
        .collect();
    format!("The pages themselves: {}.", words.join(", "))
}

fn class_name(class: PageClass) -> &'static str {
    match class {
        PageClass::PageCache => "page cache",
        PageClass::Shmem => "shared",
        PageClass::Mapped => "mapped and on no list (rings of packet sockets, io_uring, perf)",
        PageClass::PageTable => "page tables",
        PageClass::Huge => "huge page pools",
        PageClass::Offline => "offline (a balloon's)",
        other => other.name(),
    }
}

/// What the census found on no list.
pub(super) fn census(census: &Census, chunk: Bytes, charset: Charset) -> String {
    let Census { page_size, threads_kept, uncertain, .. } = census;
    off_list(&census.off_list, *page_size, chunk, *threads_kept, uncertain.bytes(*page_size), charset)
}

fn off_list(
    off_list: &[Blocks],
    page: PageSize,
    chunk: Bytes,
    threads_kept: u64,
    uncertain: Bytes,
    charset: Charset,
) -> String {
    let each = |blocks: &Blocks| Blocks { blocks: 1, ..*blocks }.bytes(page);
    let of_chunks = off_list.iter().find(|blocks| each(blocks) == chunk);
    let chunks = of_chunks.map_or(0, |blocks| blocks.blocks);
    let bytes = of_chunks.map_or(0, |blocks| blocks.bytes(page).0);
    let noun = if chunks == 1 { "block" } else { "blocks" };
    let mut text = format!(
        "The census found {} {noun} of {} on no list ({}), where packets keep their data; threads and CPUs may \
         keep up to {} of them.",
        grouped(chunks),
        size(chunk.0),
        size(bytes),
        grouped(threads_kept)
    );
    let mut others: Vec<&Blocks> =
        off_list.iter().filter(|blocks| each(blocks) != chunk && blocks.blocks > 0).collect();
    others.sort_by_key(|blocks| std::cmp::Reverse(blocks.bytes(page).0));
    let part = |blocks: &&Blocks| {
        let bytes = size(blocks.bytes(page).0);
        if blocks.order == 0 {
            let plus_minus = if charset == Charset::Utf8 { "±" } else { "+-" };
            format!("{bytes} {plus_minus} {} in single pages (vmalloc, stacks, drivers)", size(uncertain.0))
        } else {
            format!("{bytes} in blocks of {}", size(each(blocks).0))
        }
    };
    if !others.is_empty() {
        let mut parts: Vec<String> = others.iter().take(SIZES).map(part).collect();
        let rest = others.iter().skip(SIZES).map(|blocks| blocks.bytes(page).0).fold(0, u64::saturating_add);
        if rest > 0 {
            parts.push(format!("{} in other sizes", size(rest)));
        }
        text += &format!(" Besides {}.", enumerate(&parts));
    }
    text
}

/// Memory that MemTotal leaves out.
pub(super) fn reserved(reserved: &Reserved) -> String {
    let crash = match reserved.crash_kernel.0 {
        0 => String::new(),
        bytes => format!(", {} of it for a crash kernel", size(bytes)),
    };
    let firmware = match reserved.firmware.0 {
        0 => String::new(),
        bytes => format!(", and {} of the firmware's", size(bytes)),
    };
    format!(
        "Outside of all this: {} of {} RAM that the kernel kept for itself at boot{crash}{firmware}.",
        size(reserved.kernel.0),
        size(reserved.ram.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: PageSize = PageSize(4096);

    #[test]
    fn the_networks_books() {
        let tcp = ProtocolMemory {
            used: Pages(32_204),
            limits: Some(MemLimits { low: Pages(287_000), pressure: Pages(383_000), high: Pages(574_000) }),
        };
        let mut books = Network::default();
        assert!(network(&books, PAGE).is_empty(), "nothing is known");
        books.tcp = Some(tcp);
        books.udp = Some(ProtocolMemory { used: Pages(0), ..tcp });
        books.tcp_allocated = Some(12_345);
        books.tcp_orphans = Some(0);
        assert_eq!(
            network(&books, PAGE),
            [
                "The network's own books: TCP 126 MiB of 1.5 GiB (8.4 %), UDP 0 B of 1.5 GiB (0.0 %); no \
                 pressure, so the kernel sees nothing wrong.",
                "TCP sockets: 12,345 allocated, 0 orphaned. Packets in use on the host: ? (root only).",
            ]
        );
        books.under_pressure = vec!["TCP".to_owned(), "TCPv6".to_owned()];
        books.skb_objects = Some(15_033);
        books.skb_bound = Some(Bytes(8 << 30));
        let lines = network(&books, PAGE);
        assert!(lines[0].ends_with("under memory pressure: TCP, TCPv6."), "{lines:?}");
        assert!(
            lines[1].ends_with("15,033 packets in use on the whole host, which pin 8 GiB at worst."),
            "{lines:?}"
        );
    }

    #[test]
    fn what_the_census_found() {
        let blocks = |order, blocks| Blocks { order, blocks };
        let text =
            |found: &[Blocks], charset| off_list(found, PAGE, Bytes(32 << 10), 412, Bytes(3 << 20), charset);
        assert_eq!(
            text(&[blocks(0, 512), blocks(1, 1), blocks(3, 195_312), blocks(9, 2)], Charset::Ascii),
            "The census found 195,312 blocks of 32 KiB on no list (6.0 GiB), where packets keep their data; threads \
             and CPUs may keep up to 412 of them. Besides 4 MiB in blocks of 2 MiB, 2 MiB +- 3 MiB in single pages \
             (vmalloc, stacks, drivers) and 8 KiB in blocks of 8 KiB."
        );
        assert!(text(&[], Charset::Utf8).starts_with("The census found 0 blocks of 32 KiB"));
        assert!(text(&[blocks(0, 1)], Charset::Utf8).contains("4 KiB ± 3 MiB in single pages ("));
    }

    #[test]
    fn memory_outside() {
        let mut outside = Reserved::default();
        outside.ram = Bytes(24 << 30);
        outside.kernel = Bytes(512 << 20);
        outside.firmware = Bytes(64 << 10);
        let text = reserved(&outside);
        assert!(text.contains("512 MiB of 24 GiB RAM") && !text.contains("crash"), "{text}");
        outside.crash_kernel = Bytes(256 << 20);
        assert!(
            reserved(&outside).contains(", 256 MiB of it for a crash kernel, and 64 KiB of the firmware's.")
        );
    }
}
