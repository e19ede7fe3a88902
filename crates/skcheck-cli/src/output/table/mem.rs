//! Where the memory is, for people: the answer, the picture, the verdict, what it stands on.

mod bars;
mod books;
mod cgroup;
mod details;
mod headline;
mod next;
mod off_list;
mod offenders;
mod paint;
mod picture;
mod style;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use crate::output::table::gaps::{write_cut_short, write_gaps};
use crate::output::table::mem::paint::Paint;
use crate::output::table::next::write_next;
use crate::output::words::verdict;
use crate::report::mem::{HostReport, MemReport, Scope};
use crate::text::{Page, broken, write_paragraph};

pub(crate) use crate::output::table::mem::style::MemStyle;

/// Columns of a paragraph: longer lines are hard to read.
const PROSE: usize = 110;

/// Writes the whole screen, in colour where that is wanted.
pub(crate) fn write(report: &MemReport<'_>, style: MemStyle, out: &mut dyn Write) -> io::Result<()> {
    let page = style.page;
    write_cut_short(&report.gaps, page, out)?;
    let paint = Paint { on: style.color };
    let prose = Page { width: page.width.map(|width| width.min(PROSE)), ..page };
    let headline = match &report.scope {
        Scope::Host(host) => headline::headline(report, host, page.charset),
        Scope::Cgroup(cgroup) => cgroup::headline(report, cgroup, page.charset),
    };
    for line in broken(&headline, page.width.unwrap_or(usize::MAX)) {
        let line = if report.is_alarm() { paint.alarm(&line) } else { paint.answer(&line) };
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    for line in picture::lines(report, page, paint) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    match &report.scope {
        Scope::Host(host) => write_host(report, host, page, prose, out)?,
        Scope::Cgroup(cgroup) => write_paragraph(out, &cgroup::sentences(cgroup).join(" "), 0, prose)?,
    }
    if !report.gaps.is_empty() {
        writeln!(out)?;
    }
    write_gaps(&report.gaps, prose, out)?;
    writeln!(out)?;
    write_next(&next::next(report, style.privilege), out)
}

fn write_host(
    report: &MemReport<'_>,
    host: &HostReport<'_>,
    page: Page,
    prose: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_paragraph(out, &verdict::paragraph(report, host, page.charset), 0, prose)?;
    let offenders = offenders::lines(&host.verdict.suspects, page);
    if !offenders.is_empty() {
        writeln!(out)?;
        offenders.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    let mut books: Vec<String> = Vec::new();
    if let Some(census) = host.census {
        books.push(off_list::census(census, report.chunk(), page.charset));
        books.push(books::classes(census));
    }
    books.extend(books::network(host.network, report.page_size));
    books.extend(host.reserved.as_ref().map(books::reserved));
    if !books.is_empty() {
        writeln!(out)?;
    }
    books.iter().try_for_each(|line| write_paragraph(out, line, 0, prose))
}
