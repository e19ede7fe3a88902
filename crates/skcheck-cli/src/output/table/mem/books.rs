//! What stands beside the ledger: the network's own books, the census, memory outside of the total.

use skcheck_core::memory::{Census, MemLimits, Network, PageClass, ProtocolMemory, Reserved};
use skcheck_core::{PageSize, Pages};

use crate::text::{grouped, percent, size};

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
    use skcheck_core::Bytes;

    use super::*;

    const PAGE: PageSize = PageSize(4096);

    #[test]
    fn the_networks_books() {
        let limits = Some(MemLimits::new(Pages(287_000), Pages(383_000), Pages(574_000)));
        let tcp = ProtocolMemory::new(Pages(32_204), limits);
        let mut books = Network::default();
        assert!(network(&books, PAGE).is_empty(), "nothing is known");
        books.tcp = Some(tcp);
        books.udp = Some(ProtocolMemory::new(Pages(0), limits));
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
