//! The picture: one bar for the whole, and one for each owner.

use skcheck_core::memory::ledger::{Ledger, OwnerGroup, PartKind};

use crate::config::Page;
use crate::output::mem::bars::{MARK, bar, marked, segments};
use crate::output::mem::paint::Paint;
use crate::output::paragraph::broken;
use crate::report::mem::{MemReport, Row, RowOwner, Scope};
use crate::text::{Charset, percent, signed_size, size, width};

/// Columns of a bar.
const LEAST_BAR: usize = 8;
const USUAL_BAR: usize = 40;
const LONGEST_BAR: usize = 60;

/// Columns of an owner's name, of a size and of a share.
const NAME: usize = 12;
const SIZE: usize = 9;
const SHARE: usize = 6;

/// What stands before a bar, and around all of it, the bar itself not counted.
const BEFORE_BAR: usize = 2 + NAME + 2;
const BESIDE_BAR: usize = BEFORE_BAR + 2 + SIZE + 2 + SHARE;

/// Between a row and what it is made of.
const GUTTER: usize = 2;

/// The picture's lines; below it what has no room beside its row.
pub(super) fn lines(report: &MemReport<'_>, page: Page, paint: Paint) -> Vec<String> {
    // Wider pages are for details, too.
    let columns = page.width.map_or(USUAL_BAR, |width| {
        width.saturating_sub(BESIDE_BAR).clamp(LEAST_BAR, USUAL_BAR.max(LONGEST_BAR.min(width / 4)))
    });
    let whole = report.whole().0;
    let rows = report.rows();
    let mut lines = vec![whole_line(report, &rows, columns, page.charset, paint)];
    let mut below = Vec::new();
    for row in &rows {
        let (drawn, mut detail) = (drawn(report, *row, columns, page.charset), details(report, *row));
        let (drawn, alarm) = match row.owner {
            RowOwner::Nobody => with_alarm(report, &drawn, columns),
            _ => (drawn, String::new()),
        };
        detail = [alarm, detail].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("; ");
        let plain = format!(
            "{} {:NAME$}  {drawn:columns$}  {:>SIZE$}  {:>SHARE$}",
            glyph(row.owner, page.charset),
            name(row.owner),
            signed_size(row.bytes),
            u64::try_from(row.bytes).map(|bytes| percent(bytes, whole)).unwrap_or_default(),
        );
        let painted = paint_row(&plain, *row, report.is_alarm(), columns, paint);
        let has_room = page.width.is_none_or(|room| width(&plain) + GUTTER + width(&detail) <= room);
        if has_room && !detail.is_empty() {
            lines.push(format!("{painted}{:GUTTER$}{detail}", ""));
        } else {
            lines.push(painted.trim_end().to_owned());
            below.extend((!detail.is_empty()).then(|| format!("{}: {detail}", name(row.owner))));
        }
    }
    if !below.is_empty() {
        lines.push(String::new());
    }
    let room = page.width.map_or(usize::MAX, |width| width.saturating_sub(GUTTER));
    for text in below {
        lines.extend(broken(&text, room).into_iter().map(|line| format!("{:GUTTER$}{line}", "")));
    }
    lines
}

/// All owners side by side.
fn whole_line(
    report: &MemReport<'_>,
    rows: &[Row],
    columns: usize,
    charset: Charset,
    paint: Paint,
) -> String {
    let parts: Vec<u64> = rows.iter().map(|row| u64::try_from(row.bytes).unwrap_or(0)).collect();
    let segments = segments(&parts, columns);
    let drawn: String = rows
        .iter()
        .zip(&segments)
        .map(|(row, columns)| {
            let drawn = glyph(row.owner, charset).repeat(*columns);
            // Red is for an alarm.
            let is_quiet = row.owner == RowOwner::Nobody && !report.is_alarm();
            if is_quiet { drawn } else { paint.owner(row.owner, &drawn) }
        })
        .collect();
    let name = match report.scope {
        Scope::Host(_) => "memory",
        Scope::Cgroup(cgroup) if cgroup.limit.is_some() => "limit",
        Scope::Cgroup(_) => "usage",
    };
    format!("  {name:NAME$}  {drawn}  {:>SIZE$}", size(report.whole().0))
}

fn drawn(report: &MemReport<'_>, row: Row, columns: usize, charset: Charset) -> String {
    bar(u64::try_from(row.bytes).unwrap_or(0), report.whole().0, columns, charset)
}

/// The bar with a mark where it is an alarm, and what the mark means: behind the bar where there is room,
/// else apart.
fn with_alarm(report: &MemReport<'_>, bar: &str, columns: usize) -> (String, String) {
    let (ceiling, whole) = (report.ceiling.0, report.whole().0);
    if ceiling >= whole {
        return (bar.to_owned(), String::new());
    }
    let marked = marked(bar, ceiling, whole, columns);
    let meaning = match report.is_alarm() {
        true => format!("over the alarm ({MARK}) of {}", size(ceiling)),
        false => format!("alarm ({MARK}) above {}", size(ceiling)),
    };
    let both = format!("{marked} {meaning}");
    if width(&both) <= columns { (both, String::new()) } else { (marked, meaning) }
}

/// Paints the glyph and the bar of a row.
fn paint_row(plain: &str, row: Row, is_alarm: bool, columns: usize, paint: Paint) -> String {
    if row.owner == RowOwner::Nobody && !is_alarm {
        // Red would be one.
        return plain.to_owned();
    }
    let byte_at = |column: usize| plain.char_indices().nth(column).map_or(plain.len(), |(at, _)| at);
    let (before, rest) = plain.split_at(byte_at(BEFORE_BAR));
    let (bar, behind) = rest.split_at(byte_at(BEFORE_BAR + columns) - before.len());
    let (glyph, name) = before.split_at(byte_at(1));
    let drawn = bar.trim_end();
    let blank = bar.get(drawn.len()..).unwrap_or_default();
    format!("{}{name}{}{blank}{behind}", paint.owner(row.owner, glyph), paint.owner(row.owner, drawn))
}

fn glyph(owner: RowOwner, charset: Charset) -> &'static str {
    let (utf8, ascii) = match owner {
        RowOwner::Applications => ("█", "#"),
        RowOwner::PageCache => ("▓", "="),
        RowOwner::Kernel => ("▒", "+"),
        RowOwner::Nobody => ("?", "?"),
        RowOwner::Free | RowOwner::BelowLimit => ("·", "."),
    };
    match charset {
        Charset::Utf8 => utf8,
        Charset::Ascii => ascii,
    }
}

fn name(owner: RowOwner) -> &'static str {
    match owner {
        RowOwner::Applications => "applications",
        RowOwner::PageCache => "page cache",
        RowOwner::Kernel => "kernel",
        RowOwner::Nobody => "nobody",
        RowOwner::Free => "free",
        RowOwner::BelowLimit => "below limit",
    }
}

/// What a row is made of, or means.
fn details(report: &MemReport<'_>, row: Row) -> String {
    let ledger = report.ledger;
    match row.owner {
        RowOwner::Applications => parts(ledger, OwnerGroup::Application),
        RowOwner::Kernel => parts(ledger, OwnerGroup::Kernel),
        RowOwner::Free => free(ledger),
        RowOwner::Nobody if row.bytes < 0 => "counters overlap: some pages count twice".to_owned(),
        RowOwner::Nobody => report
            .ownerless()
            .map_or_else(String::new, |bytes| format!("{} of it on LRU lists", signed_size(bytes))),
        RowOwner::PageCache | RowOwner::BelowLimit => String::new(),
    }
}

/// The parts of a group, the largest first, where there are several; the page cache has its own row.
fn parts(ledger: &Ledger, group: OwnerGroup) -> String {
    let slab = [PartKind::SlabReclaimable, PartKind::SlabUnreclaimable].map(|kind| ledger.part(kind));
    let is_slab = |kind| matches!(kind, PartKind::SlabReclaimable | PartKind::SlabUnreclaimable);
    let of_group = ledger
        .parts
        .iter()
        .filter(|part| part.kind.group() == group && part.kind != PartKind::PageCache && !is_slab(part.kind));
    let mut named: Vec<(u64, String)> =
        of_group.map(|part| (part.bytes.0, part_name(part.kind).to_owned())).collect();
    let sum = slab.iter().flatten().map(|bytes| bytes.0).fold(0, u64::saturating_add);
    if group == OwnerGroup::Kernel && sum > 0 {
        named.push((sum, "slab".to_owned()));
    }
    named.retain(|(bytes, _)| *bytes > 0);
    named.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    let text = |(bytes, name): &(u64, String)| match slab[0] {
        Some(reclaimable) if name == "slab" && reclaimable.0 > 0 => {
            format!("slab {} ({} reclaimable)", size(*bytes), size(reclaimable.0))
        }
        _ => format!("{name} {}", size(*bytes)),
    };
    named.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn free(ledger: &Ledger) -> String {
    let part = |kind, words: &str| {
        let bytes = ledger.part(kind).filter(|bytes| bytes.0 > 0)?;
        Some(format!("{} {words}", size(bytes.0)))
    };
    let lists = part(PartKind::PerCpuLists, "of it in lists of the CPUs");
    let put_off = part(PartKind::NotInitialised, "of it not initialised yet");
    lists.into_iter().chain(put_off).collect::<Vec<_>>().join(", ")
}

/// A part in a sentence.
fn part_name(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Anonymous => "anonymous",
        PartKind::Shmem => "shared (tmpfs, shm)",
        PartKind::SwapCache => "in swap too",
        PartKind::Hugetlb => "huge page pools",
        PartKind::MiscReclaimable => "other reclaimable",
        PartKind::PageTables => "page tables",
        PartKind::SecondaryPageTables => "page tables of KVM and IOMMU",
        PartKind::KernelStacks => "stacks",
        PartKind::PerCpu => "per-CPU",
        PartKind::HardwareCorrupted => "broken",
        PartKind::OtherKernel => "other",
        kind => kind.name(),
    }
}
