use std::time::SystemTime;

use skcheck_core::memory::{CgroupMemory, Ledger, Network, Part, PartKind};
use skcheck_core::verdict::{Code, HeavySocket, Verdict, VerdictReason};
use skcheck_core::{Bytes, Holder, PageSize, Payload, Truesize, testing};

use super::*;
use crate::report::Privilege;
use crate::text::{Charset, width};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// A host of 32 GiB; all that these parts leave is free but for what belongs to nobody.
fn ledger(parts: &[(PartKind, u64)], unaccounted: i64, ownerless: i64) -> Ledger {
    let total = 32 * GIB;
    let mut parts: Vec<Part> = parts.iter().map(|(kind, bytes)| Part::new(*kind, Bytes(*bytes))).collect();
    let owned: u64 = parts.iter().map(|part| part.bytes.0).sum();
    let free = total.checked_sub(owned).and_then(|left| left.checked_add_signed(-unaccounted - ownerless));
    parts.push(Part::new(PartKind::Free, Bytes(free.unwrap())));
    let ledger = testing::ledger(Bytes(total), parts, Some(ownerless), Vec::new());
    assert_eq!(ledger.unaccounted, unaccounted);
    ledger
}

fn verdict(ledger: &Ledger, code: Code, reason: VerdictReason) -> Verdict {
    let mut verdict = skcheck_core::verdict::unseen(ledger);
    verdict.code = code;
    verdict.reason = reason;
    verdict.evidence.unread = Payload(3 * MIB);
    verdict.evidence.charged = Truesize(131 * MIB);
    verdict.evidence.worst = Some(Bytes(8 * GIB));
    verdict.evidence.is_blind = false;
    verdict
}

fn nginx(pinned: Option<u64>) -> HeavySocket {
    let mut nginx = HeavySocket::default();
    nginx.holder = Some(Holder::new(146_935, 11));
    nginx.comm = Some(b"nginx".to_vec());
    nginx.unread = Some(Payload(3 * MIB));
    nginx.charged = Some(Truesize(4 * MIB));
    nginx.pinned = pinned.map(Bytes);
    nginx.worst = Some(Bytes(GIB));
    nginx.rings = Some(Bytes(0));
    nginx
}

fn report<'a>(ledger: &'a Ledger, scope: Scope<'a>) -> MemReport<'a> {
    MemReport {
        taken_at: SystemTime::UNIX_EPOCH,
        page_size: PageSize(4096),
        ledger,
        ceiling: ledger.alarm(),
        scope,
        gaps: Vec::new(),
    }
}

fn drawn(report: &MemReport<'_>, width: Option<usize>, charset: Charset, color: bool) -> String {
    let mut out = Vec::new();
    let style = MemStyle { page: Page { width, charset }, color, privilege: Privilege::Root };
    write(report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Draws it on every kind of page, and looks for what must and must not be said.
fn check(ledger: &Ledger, verdict: &Verdict, told: &[&str], not_told: &[&str]) {
    let network = Network::default();
    let scope = HostReport { reserved: None, network: &network, census: None, verdict, scanned: true };
    let report = report(ledger, Scope::Host(scope));
    for columns in [80, 200] {
        let screen = drawn(&report, Some(columns), Charset::Utf8, false);
        for line in screen.lines().take_while(|line| !line.starts_with("Next: ")) {
            assert!(width(line) <= columns, "{columns}: {line}");
        }
        assert!(!screen.contains('\x1b'), "no colour");
    }
    assert!(drawn(&report, Some(80), Charset::Ascii, false).is_ascii());
    let screen = drawn(&report, None, Charset::Utf8, false);
    let painted = drawn(&report, None, Charset::Utf8, true);
    assert_eq!(without_colors(&painted), screen, "colour says nothing alone");
    for told in told {
        assert!(screen.contains(told), "{told} in:\n{screen}");
    }
    for not_told in not_told {
        assert!(!screen.contains(not_told), "{not_told} in:\n{screen}");
    }
}

fn without_colors(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').unwrap().1)
}

#[test]
fn a_host_with_no_gap() {
    let ledger = ledger(&[(PartKind::Anonymous, 9 * GIB), (PartKind::PageCache, 3 * GIB)], 20 << 20, 0);
    check(
        &ledger,
        &verdict(&ledger, Code::None, VerdictReason::BelowLimit),
        &[
            "Memory 32 GiB: no more than usual belongs to nobody (20 MiB).",
            "  ███████████▎                                  9 GiB  28.1 %",
            "? nobody        ▏   ! alarm (!) above 3.2 GiB                20 MiB   0.1 %\n",
            "Less than 328 MiB is usual.",
            "Next: skcheck (",
        ],
        &["So ", "out of proportion", "LRU"],
    );
}

#[test]
fn slab_that_leaks() {
    let slab = [(PartKind::SlabUnreclaimable, 15 * GIB), (PartKind::SlabReclaimable, GIB)];
    let ledger = ledger(&slab, 0, 0);
    check(
        &ledger,
        &verdict(&ledger, Code::None, VerdictReason::BelowLimit),
        &[
            "no more than usual belongs to nobody (0 B), but slab holds 16 GiB of it",
            "slab 16 GiB (1 GiB reclaimable)",
            "The kernel's slab holds 16 GiB, 50.0 % of memory: slabtop -s c",
            "Every page has an owner: 0 B is left over",
        ],
        &["of memory) belongs to nobody"],
    );
}

#[test]
fn vmalloc_that_leaks() {
    let ledger = ledger(&[(PartKind::Vmalloc, 11 * GIB)], 0, 0);
    let told = ["but vmalloc holds 11 GiB", "/proc/vmallocinfo shows", "sort -k2 -n -r /proc/vmallocinfo"];
    check(&ledger, &verdict(&ledger, Code::None, VerdictReason::BelowLimit), &told, &[]);
}

#[test]
fn sockets_explain() {
    let ledger = ledger(&[(PartKind::Anonymous, 9 * GIB)], 6 << 30, 0);
    let mut walked = verdict(&ledger, Code::Explains, VerdictReason::Walked(Bytes(6 * GIB)));
    walked.suspects = vec![nginx(Some(6 * GIB))];
    walked.evidence.walked_off_list = Some(Bytes(6 * GIB));
    walked.evidence.walked_seen = true;
    check(
        &ledger,
        &walked,
        &[
            "Memory 32 GiB: 6 GiB belongs to nobody. Sockets explain it; nginx (146935), fd 11 first.",
            "6 GiB (18.8 % of memory) belongs to nobody: no counter of the kernel says whose it is.",
            "out of proportion (more than 3.2 GiB): something may leak",
            "hold 3 MiB unread and are charged 131 MiB; in chunks of the network stack they pin 8 GiB at worst",
            "Every queue of theirs was walked: they pin 6 GiB (measured).",
            "First stands nginx (146935), fd 11: it pins 6 GiB.",
            "So sockets explain it: 6 GiB of it was found in their queues.",
            "nginx 146935  11   3 MiB    4 MiB   6 GiB  1 GiB",
            "? nobody        ████!██▌ over the alarm (!) of 3.2 GiB        6 GiB  18.8 %\n",
            "skcheck packets 146935 11",
        ],
        &["nothing has measured", "page_owner"],
    );
    let mut counted = verdict(&ledger, Code::Explains, VerdictReason::Counted(Bytes(6 * GIB)));
    counted.evidence.chunks = Some(Bytes(6 * GIB));
    counted.evidence.threads_kept = Bytes(12 * MIB);
    counted.suspects = vec![nginx(None)];
    check(
        &ledger,
        &counted,
        &[
            "The census counts 6 GiB in blocks such as packets lie in; of that others may have: threads up to 12 MiB.",
            "So sockets explain it: the census found 6 GiB of it",
            "it is charged 4 MiB and pins 1 GiB at worst",
            "4 MiB       ?  1 GiB",
            "skcheck --exact --pid 146935",
        ],
        &[],
    );
}

#[test]
fn a_bound_alone_does_not_explain() {
    let ledger = ledger(&[], 6 << 30, 0);
    let check = |code, reason, told: &[&str]| {
        check(&ledger, &verdict(&ledger, code, reason), told, &["Sockets explain it", "sockets explain it:"]);
    };
    check(
        Code::Could,
        VerdictReason::Bound(Bytes(6 * GIB)),
        &[
            "6 GiB belongs to nobody. Sockets could explain it.",
            "So sockets could explain it: at worst they pin 6 GiB of it; nothing has measured it yet.",
        ],
    );
    check(
        Code::Partly,
        VerdictReason::Bound(Bytes(GIB)),
        &["So sockets explain a part of it at most: even at worst they pin only 1 GiB of it."],
    );
    check(
        Code::Partly,
        VerdictReason::Walked(Bytes(GIB)),
        &["So sockets explain a part of it: 1 GiB of it was found in their queues."],
    );
    check(
        Code::Cannot,
        VerdictReason::Bound(Bytes(MIB)),
        &[
            "Sockets cannot explain it.",
            "even at worst they pin only 1 MiB of it. Other owners that no counter shows: pipes,",
            "perf record -a -g -e kmem:mm_page_alloc",
        ],
    );
    check(
        Code::Cannot,
        VerdictReason::Room(Bytes(MIB)),
        &["only 1 MiB of it lies in pages such as packets can lie in", "page_owner=on"],
    );
    check(
        Code::Unseen,
        VerdictReason::Hidden,
        &[
            "Too little can be seen to tell whether sockets have it.",
            "sockets that could not be walked may have it",
        ],
    );
    check(
        Code::Could,
        VerdictReason::HandedIn,
        &["most of it lies on LRU lists, where sendfile and splice pin files"],
    );
}

/// What bounds them is named as what it is.
#[test]
fn where_a_bound_comes_from() {
    let ledger = ledger(&[], 6 << 30, 0);
    let mut verdict = verdict(&ledger, Code::Could, VerdictReason::Bound(Bytes(6 * GIB)));
    (verdict.evidence.unread, verdict.evidence.charged) = (Payload(0), Truesize(0));
    (verdict.evidence.unlisted, verdict.evidence.worst_by_packets) = (Truesize(9 * MIB), false);
    let tcp = "9 MiB of TCP memory belongs to none of them, and could pin 8 GiB at worst.";
    let packets = "the packets in use on the host could pin 8 GiB at worst.";
    check(&ledger, &verdict, &[tcp], &[packets]);
    verdict.evidence.worst_by_packets = true;
    check(&ledger, &verdict, &[packets], &[tcp]);
    (verdict.evidence.charged, verdict.evidence.worst_by_packets) = (Truesize(MIB), false);
    let both = "they pin 8 GiB at worst, together with 9 MiB of TCP memory that belongs to none of them.";
    check(&ledger, &verdict, &[both], &[tcp, packets]);
    verdict.evidence.unlisted = Truesize(0);
    check(&ledger, &verdict, &["they pin 8 GiB at worst."], &[both]);
}

#[test]
fn remainders_below_zero() {
    let ledger = ledger(&[(PartKind::Anonymous, 9 * GIB)], -(12 << 20), -(100 << 20));
    check(
        &ledger,
        &verdict(&ledger, Code::None, VerdictReason::BelowLimit),
        &[
            "no more than usual belongs to nobody (0 B)",
            "    -12 MiB          counters overlap",
            "-12 MiB is left over",
        ],
        &[],
    );
}

#[test]
fn ownerless_memory_is_nobodys_too() {
    let ledger = ledger(&[], 200 << 20, 4 << 30);
    check(
        &ledger,
        &verdict(&ledger, Code::Explains, VerdictReason::Walked(Bytes(4 * GIB))),
        &[
            "? nobody        ████!▎ over the alarm (!) of 3.2 GiB        4.2 GiB  13.1 %  4 GiB of it on LRU lists\n",
            "; 200 MiB was taken straight from the page allocator, 4 GiB lies on LRU lists.",
        ],
        &[],
    );
}

#[test]
fn what_was_not_scanned_is_not_zero() {
    let ledger = ledger(&[], 6 << 30, 0);
    let verdict = skcheck_core::verdict::unseen(&ledger);
    let network = Network::default();
    let scope =
        HostReport { reserved: None, network: &network, census: None, verdict: &verdict, scanned: false };
    let screen = drawn(&report(&ledger, Scope::Host(scope)), None, Charset::Utf8, false);
    assert!(screen.contains("Sockets could not be looked at.") && !screen.contains("unread and"), "{screen}");
}

#[test]
fn a_cgroup_has_a_limit_instead_of_free_memory() {
    let part = |kind, bytes| Part::new(kind, Bytes(bytes));
    let parts = vec![part(PartKind::Anonymous, 500 * MIB), part(PartKind::Sockets, 100 * MIB)];
    let mut cgroup = CgroupMemory::default();
    cgroup.path = b"/a\n".to_vec();
    cgroup.ledger = testing::ledger(Bytes(612 * MIB), parts, None, Vec::new());
    cgroup.limit = Some(Bytes(GIB));
    let screen = drawn(&report(&cgroup.ledger, Scope::Cgroup(&cgroup)), Some(80), Charset::Utf8, false);
    for told in [
        "Cgroup /a\\x0a uses 612 MiB of its limit of 1 GiB (59.8 %);",
        "  limit         ███████████████████▒▒▒▒?················      1 GiB\n",
        "· below limit   ████████████████▏                           412 MiB  40.2 %",
        "\n  kernel: sockets 100 MiB\n",
        "Next: skcheck mem (",
    ] {
        assert!(screen.contains(told), "{told} in:\n{screen}");
    }
    assert!(!screen.contains("alarm") && !screen.contains("page cache"), "a part that is unknown: {screen}");
    cgroup.limit = None;
    let screen = drawn(&report(&cgroup.ledger, Scope::Cgroup(&cgroup)), Some(80), Charset::Utf8, false);
    assert!(screen.contains("and it has no limit") && screen.contains("  usage "), "{screen}");

    // Version 1 has sockets in no other number.
    (cgroup.version, cgroup.sock) = (1, Some(Bytes(90 * MIB)));
    let headline = |cgroup: &CgroupMemory| {
        let report = report(&cgroup.ledger, Scope::Cgroup(cgroup));
        let screen = drawn(&report, None, Charset::Utf8, false);
        screen.lines().next().unwrap().to_owned()
    };
    assert_eq!(
        headline(&cgroup),
        "Cgroup /a\\x0a uses 702 MiB: 90 MiB for its sockets, which version 1 counts apart, and 612 MiB for \
         everything else (it has no limit), of which 12 MiB is in none of its counters."
    );
    cgroup.limit = Some(Bytes(GIB));
    assert!(headline(&cgroup).contains(" 612 MiB for everything else (59.8 % of its limit of 1 GiB), "));
    (cgroup.version, cgroup.sock) = (2, Some(Bytes(100 * MIB)));
    assert!(headline(&cgroup).starts_with("Cgroup /a\\x0a uses 612 MiB of its limit of 1 GiB (59.8 %);"));
}

/// What was walked is said as far as it goes: all of it only where everything was seen, and nothing lies
/// elsewhere.
#[test]
fn what_was_walked() {
    let ledger = ledger(&[(PartKind::Anonymous, GIB)], 400 << 20, 0);
    let walked = |walked_seen, is_blind, elsewhere| {
        let mut verdict = verdict(&ledger, Code::Unseen, VerdictReason::Hidden);
        let evidence = &mut verdict.evidence;
        (evidence.walked_off_list, evidence.walked_ownerless) = (Some(Bytes(MIB)), Some(Bytes(0)));
        (evidence.walked_seen, evidence.is_blind) = (walked_seen, is_blind);
        evidence.elsewhere = Truesize(elsewhere);
        verdict
    };
    let [all, seen, some, lies_elsewhere] = [
        "Every queue of theirs was walked: they pin 1 MiB (measured).",
        "Every queue that could be seen was walked: they pin 1 MiB (measured).",
        "The queues that were walked pin 1 MiB (measured).",
        "lies in no queue of a socket, and was not walked",
    ];
    check(&ledger, &walked(true, false, 5000), &[all], &[seen, some, lies_elsewhere]);
    check(&ledger, &walked(true, true, 0), &[seen], &[all, some, lies_elsewhere]);
    check(&ledger, &walked(false, true, 0), &[some], &[all, seen, lies_elsewhere]);
    let elsewhere = "300 MiB of what they are charged lies in no queue of a socket";
    check(&ledger, &walked(false, false, 300 * MIB), &[some, elsewhere], &[all, seen]);
}

/// One that was walked in part stands with its charge, and what was found of it is the least that it pins.
#[test]
fn one_that_was_walked_in_part_stands_first() {
    let ledger = ledger(&[(PartKind::Anonymous, GIB)], 400 << 20, 0);
    let mut verdict = verdict(&ledger, Code::Could, VerdictReason::Bound(Bytes(400 << 20)));
    let mut first = nginx(Some(MIB));
    first.pinned_is_floor = true;
    verdict.suspects = vec![first, nginx(None), nginx(Some(MIB))];
    let told = "First stands nginx (146935), fd 11: it is charged 4 MiB and pins at least 1 MiB.";
    check(
        &ledger,
        &verdict,
        &[told, "4 MiB  ≥1 MiB  1 GiB", "4 MiB       ?  1 GiB", "4 MiB   1 MiB  1 GiB"],
        &[],
    );
}
