//! The report of a scan: the answer, the table, what it adds up to, what could not be seen.

mod amount;
mod cells;
mod charge;
mod closed_held;
mod headline;
mod layout;
mod legend;
mod measured;
mod missing;
mod next;
mod notes;
mod nothing;
mod numbers;
mod others;
mod place;
mod rest;
mod rows;
mod style;
mod subject;
#[cfg(test)]
mod tests;
mod totals;
mod verbose;
mod writer;

use std::io::{self, Write};

use crate::output::table::gaps::{write_cut_short, write_gaps, write_gaps_strictly};
use crate::output::table::next::write_next;
use crate::output::table::scan::rows::{Why, write_rows};
use crate::report::scan::ScanReport;
use crate::text::write_paragraph;

pub(crate) use crate::output::table::scan::style::TableStyle;

/// Writes the whole report.
pub(crate) fn write(report: &ScanReport<'_>, style: TableStyle, out: &mut dyn Write) -> io::Result<()> {
    write_cut_short(&report.gaps, style.page, out)?;
    for line in headline::headline(report, style.page.charset) {
        write_paragraph(out, &line, 0, style.page)?;
    }
    write_below(report, style, &|_, _| None, out)
}

/// Everything but the answer, which somebody else has written.
pub(super) fn write_below(
    report: &ScanReport<'_>,
    style: TableStyle,
    why: &Why<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = style.page;
    if !report.sockets.is_empty() {
        writeln!(out)?;
        write_rows(report, style, why, out)?;
    }
    let mut lines = measured::sentences(report, page.charset);
    lines.extend(closed_held::sentence(report));
    if style.verbose {
        lines.push(verbose::verbose(report));
    }
    lines.iter().try_for_each(|line| write_paragraph(out, line, 0, page))?;
    if !report.gaps.is_empty() {
        writeln!(out)?;
    }
    let write = if style.strict { write_gaps_strictly } else { write_gaps };
    write(&report.gaps, page, out)?;
    let missing = missing::sentence(report);
    let next = next::next(report);
    if missing.is_some() || !next.is_empty() {
        writeln!(out)?;
    }
    if let Some(line) = missing {
        write_paragraph(out, &line, 0, page)?;
    }
    write_next(&next, out)
}
