//! What the census found on no list, where packets keep their data.

use skcheck_core::memory::Census;
use skcheck_core::{Blocks, Bytes, PageSize};

use crate::text::{Charset, enumerate, grouped, size};

/// How many other sizes of blocks are named.
const SIZES: usize = 3;

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
    let of_chunks = off_list.iter().find(|blocks| each(blocks, page) == chunk);
    let chunks = of_chunks.map_or(0, |blocks| blocks.blocks);
    let bytes = of_chunks.map_or(0, |blocks| blocks.bytes(page).0);
    let plural = if chunks == 1 { "" } else { "s" };
    // Blocks are counted; of single pages some may be free ones.
    let (noun, how_much, whose) = if chunk.0 == page.0 {
        let how_much = format!("{} {} {}", size(bytes), plus_minus(charset), size(uncertain.0));
        ("single page", how_much, "where packets keep their data, and vmalloc, stacks and drivers theirs")
    } else {
        ("block", size(bytes), "where packets keep their data")
    };
    let found = format!(
        "The census found {} {noun}{plural} of {} on no list ({how_much}), {whose}; threads and CPUs may keep up to \
         {} of them.",
        grouped(chunks),
        size(chunk.0),
        grouped(threads_kept)
    );
    match besides(off_list, page, chunk, uncertain, charset) {
        Some(besides) => format!("{found} {besides}"),
        None => found,
    }
}

/// Blocks of other sizes, the largest part first; `None` where there are none.
fn besides(
    off_list: &[Blocks],
    page: PageSize,
    chunk: Bytes,
    uncertain: Bytes,
    charset: Charset,
) -> Option<String> {
    let is_other = |blocks: &&Blocks| each(blocks, page) != chunk && blocks.blocks > 0;
    let mut others: Vec<&Blocks> = off_list.iter().filter(is_other).collect();
    others.sort_by_key(|blocks| std::cmp::Reverse(blocks.bytes(page).0));
    let part = |blocks: &&Blocks| {
        let bytes = size(blocks.bytes(page).0);
        if blocks.order == 0 {
            format!(
                "{bytes} {} {} in single pages (vmalloc, stacks, drivers)",
                plus_minus(charset),
                size(uncertain.0)
            )
        } else {
            format!("{bytes} in blocks of {}", size(each(blocks, page).0))
        }
    };
    let mut parts: Vec<String> = others.iter().take(SIZES).map(part).collect();
    let rest = others.iter().skip(SIZES).map(|blocks| blocks.bytes(page).0).fold(0, u64::saturating_add);
    if rest > 0 {
        parts.push(format!("{} in other sizes", size(rest)));
    }
    (!parts.is_empty()).then(|| format!("Besides {}.", enumerate(&parts)))
}

fn plus_minus(charset: Charset) -> &'static str {
    if charset == Charset::Utf8 { "±" } else { "+-" }
}

/// The size of one of these blocks.
fn each(blocks: &Blocks, page: PageSize) -> Bytes {
    Blocks::new(blocks.order, 1).bytes(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: PageSize = PageSize(4096);

    #[test]
    fn what_the_census_found() {
        let blocks = |order, blocks| Blocks::new(order, blocks);
        let text =
            |found: &[Blocks], charset| off_list(found, PAGE, Bytes(32 << 10), 412, Bytes(3 << 20), charset);
        assert_eq!(
            text(&[blocks(0, 512), blocks(1, 1), blocks(3, 195_312), blocks(9, 2)], Charset::Ascii),
            "The census found 195,312 blocks of 32 KiB on no list (6.0 GiB), where packets keep their data; threads \
             and CPUs may keep up to 412 of them. Besides 4 MiB in blocks of 2 MiB, 2 MiB +- 3 MiB in single pages \
             (vmalloc, stacks, drivers) and 8 KiB in blocks of 8 KiB."
        );
        assert!(text(&[], Charset::Utf8).starts_with("The census found 0 blocks of 32 KiB"));
        const LARGE: PageSize = PageSize(64 << 10);
        assert_eq!(
            off_list(
                &[blocks(0, 16), blocks(2, 1)],
                LARGE,
                Bytes(64 << 10),
                4,
                Bytes(64 << 10),
                Charset::Utf8
            ),
            "The census found 16 single pages of 64 KiB on no list (1 MiB ± 64 KiB), where packets keep their data, and \
             vmalloc, stacks and drivers theirs; threads and CPUs may keep up to 4 of them. Besides 256 KiB in blocks \
             of 256 KiB."
        );
        assert!(text(&[blocks(0, 1)], Charset::Utf8).contains("4 KiB ± 3 MiB in single pages ("));
    }
}
