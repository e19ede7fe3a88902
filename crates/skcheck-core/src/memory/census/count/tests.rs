use super::*;

const HEAD: u64 = kpf::COMPOUND_HEAD;
const TAIL: u64 = kpf::COMPOUND_TAIL;
const UPTODATE: u64 = 1 << 3;
const THP: u64 = 1 << 22;

fn counted(pages: &[u64]) -> Counting {
    let bytes: Vec<u8> = pages.iter().flat_map(|flags| flags.to_ne_bytes()).collect();
    let mut counting = Counting::default();
    counting.pages(&bytes);
    counting.end_block();
    counting
}

/// Pages of these flags are of these classes, these blocks are on no list, and so many pages are torn.
#[track_caller]
fn check(pages: &[u64], classes: &[(PageClass, u64)], blocks: &[(u8, u64)], torn: u64) {
    let counting = counted(pages);
    let found = PageClass::ALL.into_iter().map(|class| (class, counting.of(class)));
    let found: Vec<_> = found.filter(|(_, pages)| *pages > 0).collect();
    assert_eq!(found, classes);
    assert_eq!(counting.blocks().collect::<Vec<_>>(), blocks);
    assert_eq!(counting.torn, torn);
}

/// A block of this order, with flags for its head and for its tails.
fn block(order: u32, head: u64, tail: u64) -> Vec<u64> {
    let mut pages = vec![tail | TAIL; 1 << order];
    pages[0] = head | HEAD;
    pages
}

#[test]
fn each_flag_has_its_class() {
    let lru = kpf::LRU | UPTODATE;
    for (flags, class) in [
        (0, PageClass::Unflagged),
        (UPTODATE, PageClass::Unflagged),
        (kpf::BUDDY, PageClass::Free),
        (kpf::BUDDY | UPTODATE, PageClass::Free),
        (lru, PageClass::PageCache),
        (lru | kpf::MMAP, PageClass::PageCache),
        (lru | kpf::MMAP | kpf::ANON | kpf::SWAPBACKED, PageClass::Anonymous),
        (kpf::ANON | kpf::SWAPBACKED, PageClass::Anonymous),
        (lru | kpf::ANON, PageClass::Anonymous),
        (kpf::KSM | kpf::ANON, PageClass::Anonymous),
        (lru | kpf::SWAPBACKED, PageClass::Shmem),
        (kpf::MMAP, PageClass::Mapped),
        (kpf::SLAB, PageClass::Slab),
        (kpf::SLAB | kpf::ANON | kpf::KSM, PageClass::Slab),
        (kpf::PGTABLE, PageClass::PageTable),
        (kpf::PGTABLE | kpf::ANON, PageClass::PageTable),
        (kpf::HUGE, PageClass::Huge),
        (kpf::RESERVED | 1 << 35, PageClass::Reserved),
        (kpf::ZERO_PAGE, PageClass::Reserved),
        (kpf::OFFLINE, PageClass::Offline),
        (kpf::HWPOISON | kpf::LRU, PageClass::Poisoned),
        (kpf::NOPAGE, PageClass::Absent),
    ] {
        check(&[flags; 3], &[(class, 3)], &[], 0);
    }
}

#[test]
fn blocks_on_no_list_count_by_order() {
    let mut pages = block(3, 0, 0);
    pages.extend(block(3, 0, 0));
    pages.extend(block(1, 0, 0));
    pages.push(kpf::BUDDY);
    pages.extend(block(10, UPTODATE, 0));
    pages.push(0);
    let classes = [(PageClass::Free, 1), (PageClass::OffList, 8 + 8 + 2 + 1024), (PageClass::Unflagged, 1)];
    check(&pages, &classes, &[(1, 1), (3, 2), (10, 1)], 0);
    let huge_zero = block(9, kpf::ZERO_PAGE | THP, kpf::ZERO_PAGE | THP);
    check(&huge_zero, &[(PageClass::OffList, 512)], &[(9, 1)], 0);
}

#[test]
fn a_tail_is_what_its_head_is() {
    check(&block(2, kpf::SLAB, 0), &[(PageClass::Slab, 4)], &[], 0);
    check(&block(2, kpf::SLAB, kpf::ANON), &[(PageClass::Slab, 4)], &[], 0);
    check(&block(9, kpf::LRU | THP, 0), &[(PageClass::PageCache, 512)], &[], 0);
    check(&block(9, kpf::LRU | THP, kpf::LRU | THP), &[(PageClass::PageCache, 512)], &[], 0);
    let some_mapped = [[HEAD, TAIL | kpf::MMAP], [HEAD | kpf::MMAP, TAIL]].concat();
    check(&some_mapped, &[(PageClass::Mapped, 2), (PageClass::OffList, 2)], &[(1, 1)], 0);
}

#[test]
fn what_changes_meanwhile_is_torn() {
    // A block that ends early, a head without tails, and tails without a head.
    let three = [HEAD, TAIL, TAIL, kpf::BUDDY];
    check(&three, &[(PageClass::Free, 1), (PageClass::OffList, 2), (PageClass::Unflagged, 1)], &[(1, 1)], 1);
    check(&[HEAD; 3], &[(PageClass::Unflagged, 3)], &[], 3);
    check(&[kpf::BUDDY, TAIL, TAIL], &[(PageClass::Free, 1), (PageClass::Unflagged, 2)], &[], 2);
    // No block begins at a tail, though it says so.
    check(&[kpf::BUDDY, TAIL | HEAD], &[(PageClass::Free, 1), (PageClass::Unflagged, 1)], &[], 1);
    // But these are the rest of a huge page, or a slab's.
    let rest = [TAIL | kpf::HUGE, TAIL | kpf::HUGE, TAIL | kpf::SLAB];
    check(&rest, &[(PageClass::Slab, 1), (PageClass::Huge, 2)], &[], 0);
}

#[test]
fn in_pieces_it_is_the_same() {
    let mut pages = block(3, 0, 0);
    pages.extend([kpf::BUDDY, 0, kpf::LRU]);
    pages.extend(block(4, 0, 0));
    let bytes: Vec<u8> = pages.iter().flat_map(|flags| flags.to_ne_bytes()).collect();
    for length in [8, 16, 40, 64] {
        let mut counting = Counting::default();
        bytes.chunks(length).for_each(|piece| counting.pages(piece));
        counting.end_block();
        assert_eq!(counting, counted(&pages), "pieces of {length}");
    }
    let (one, other) = pages.split_at(8);
    let mut sum = counted(one);
    sum.merge(&counted(other));
    assert_eq!(sum, counted(&pages));
}

#[test]
fn any_bytes_can_be_counted() {
    let mut counting = Counting::default();
    counting.pages(&[0xff; 21]);
    counting.pages(&[]);
    counting.end_block();
    assert_eq!(counting.of(PageClass::Absent), 2);
}
