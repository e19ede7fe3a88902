//! Pages that packets lie in, in words.

use skcheck_core::engine::PageKind;
use skcheck_core::{Blocks, Exact, PageSize};

use crate::report::{Pinned, Sureness};
use crate::text::{count, enumerate, grouped, size};

/// How many sizes of blocks are named.
const SIZES: usize = 3;

/// How much it is, and what packets lie in: blocks of pages, and slab memory.
pub(in crate::output) fn pinned_in(of: &[Blocks], slab: u64, page: PageSize) -> String {
    let pages = of.iter().map(|blocks| blocks.bytes(page).0).fold(0, u64::saturating_add);
    let all = size(pages.saturating_add(slab));
    match (pages, slab) {
        (0, 0) => "nothing that is understood".to_owned(),
        (0, _) => format!("{all} of slab memory"),
        (_, 0) => format!("{all}: {}", blocks(of, page)),
        _ => format!("{all}: {}, and {} of slab memory", blocks(of, page), size(slab)),
    }
}

/// Blocks of pages by size, the largest part first.
fn blocks(blocks: &[Blocks], page: PageSize) -> String {
    let part = |blocks: &Blocks| {
        let each = Blocks::new(blocks.order, 1).bytes(page).0;
        let noun = if blocks.blocks == 1 { "block" } else { "blocks" };
        format!("{} {noun} of {}", grouped(blocks.blocks), size(each))
    };
    let mut parts: Vec<String> = blocks.iter().take(SIZES).map(part).collect();
    let others = blocks.iter().skip(SIZES).map(|blocks| blocks.blocks).fold(0, u64::saturating_add);
    if others > 0 {
        parts.push(format!("{} of other sizes", grouped(others)));
    }
    enumerate(&parts)
}

/// What was handed in, in words; `None` when nothing was.
pub(in crate::output) fn whose_pages(exact: &Exact) -> Option<String> {
    let pages = |kind: PageKind| match kind {
        PageKind::File => "pages of a file (sendfile, splice)",
        PageKind::RemovedFile => "pages of a removed file (sendfile, splice)",
        _ => "pages of a process (MSG_ZEROCOPY, vmsplice)",
    };
    let parts: Vec<String> = exact.handed_in.iter().map(|it| pages(it.kind).to_owned()).collect();
    (!parts.is_empty()).then(|| enumerate(&parts))
}

/// How sure a sum is as it is printed: what is shared and too little to show does not matter.
pub(in crate::output) fn sureness(pinned: &Pinned) -> Option<Sureness> {
    match pinned.sureness() {
        Some(Sureness::AtMost) if size(pinned.bytes()) == size(pinned.least()) => Some(Sureness::Exact),
        sureness => sureness,
    }
}

/// What somebody's sockets pin, behind "it"; `None` where nothing was measured.
pub(in crate::output) fn pins(pinned: &Pinned) -> Option<String> {
    let mark = match sureness(pinned)? {
        Sureness::Exact => "",
        Sureness::AtLeast => "at least ",
        Sureness::AtMost => "at most ",
        Sureness::About => "about ",
    };
    let others = match pinned.unknown {
        0 => String::new(),
        n => format!("; {} not", count(n, "socket")),
    };
    // Slab memory has an owner in /proc/meminfo; it is named where it is the larger part.
    let slab = match (pinned.pages, pinned.slab) {
        (0, 1..) => ", all of it slab memory".to_owned(),
        (pages, slab) if slab > pages => format!(", {} of it slab memory", size(slab)),
        _ => String::new(),
    };
    Some(format!("pins {mark}{}{slab} (measured{others})", size(pinned.bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_in_words() {
        let check = |orders: &[(u8, u64)], expected: &str| {
            let of: Vec<Blocks> = orders.iter().map(|&(order, blocks)| Blocks::new(order, blocks)).collect();
            assert_eq!(blocks(&of, PageSize(4096)), expected);
        };
        check(&[(3, 40_000), (0, 12)], "40,000 blocks of 32 KiB and 12 blocks of 4 KiB");
        check(&[(9, 1)], "1 block of 2 MiB");
        check(
            &[(3, 2), (2, 1), (1, 1), (0, 1), (9, 1)],
            "2 blocks of 32 KiB, 1 block of 16 KiB, 1 block of 8 KiB and 2 of other sizes",
        );
    }

    #[test]
    fn what_is_pinned_in_words() {
        let one = Pinned { pages: 1 << 20, measured: 1, ..Pinned::default() };
        let check = |pinned: Pinned, expected: Option<&str>| {
            assert_eq!(pins(&pinned).as_deref(), expected, "{pinned:?}");
        };
        check(Pinned::default(), None);
        check(Pinned { unknown: 1, ..Pinned::default() }, None);
        check(one, Some("pins 1 MiB (measured)"));
        check(Pinned { unknown: 2, ..one }, Some("pins at least 1 MiB (measured; 2 sockets not)"));
        check(Pinned { floors: 1, ..one }, Some("pins at least 1 MiB (measured)"));
        check(Pinned { changed: 1, ..one }, Some("pins about 1 MiB (measured)"));
        let shared = Pinned { shared: 1 << 19, measured: 2, ..one };
        check(shared, Some("pins at most 1 MiB (measured)"));
        check(Pinned { shared: 1, ..shared }, Some("pins at most 1 MiB (measured)"));
        let large = Pinned { pages: (5 << 30) + (1 << 20), shared: 4096, ..shared };
        check(large, Some("pins 5.0 GiB (measured)"));
        let slab = Pinned { pages: 0, slab: 8192, ..one };
        check(slab, Some("pins 8 KiB, all of it slab memory (measured)"));
        let rest = "pins at least 8 KiB, all of it slab memory (measured; 2 sockets not)";
        check(Pinned { unknown: 2, ..slab }, Some(rest));
        let both = Pinned { slab: 8 << 20, ..one };
        check(both, Some("pins 9 MiB, 8 MiB of it slab memory (measured)"));
        check(Pinned { slab: 1 << 19, ..one }, Some("pins 1.5 MiB (measured)"));
        check(Pinned { pages: 0, ..one }, Some("pins 0 B (measured)"));
    }
}
