//! A report for people: the answer, the table, what it adds up to, what could not be seen.

use std::io::{self, Write};

use skcheck_core::{Gap, Missing, Report as SocketReport, Snapshot};

use crate::args::By;
use crate::config::ScanConfig;
use crate::output::cells::Cells;
use crate::output::layout::render;
use crate::output::legend::legend;
use crate::output::names::Writer;
use crate::output::next::next;
use crate::output::{closed_held, measured, missing, summary};
use crate::report::{Owner, Report};
use crate::text::{Charset, Page, write_paragraph};

/// Writes the whole report.
pub(crate) fn write(report: &Report<'_>, config: &ScanConfig, out: &mut dyn Write) -> io::Result<()> {
    write_cut_short(&report.snapshot.gaps, config.page, out)?;
    for line in summary::headline(report, config) {
        write_paragraph(out, &line, 0, config.page)?;
    }
    write_below(report, config, &|_, _| None, out)
}

/// What to say of a socket beside its numbers, in the block of its owner.
type Why<'a> = dyn Fn(&SocketReport, Option<Owner<'_>>) -> Option<String> + 'a;

/// Everything but the answer, which somebody else has written.
pub(super) fn write_below(
    report: &Report<'_>,
    config: &ScanConfig,
    why: &Why<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = config.page;
    let paragraph = |out: &mut dyn Write, text: &str| write_paragraph(out, text, 0, page);
    if !report.sockets.is_empty() {
        writeln!(out)?;
        let wide = config.wide || report.spans;
        let measured = report.measured.sockets > 0 || report.measured.elsewhere > 0;
        let writer = Writer { snapshot: report.snapshot, charset: page.charset, wide, measured };
        let rows = rows(report, writer, why);
        for line in render(&rows, first_column(report.by), page) {
            writeln!(out, "{line}")?;
        }
        for line in legend(&rows, page.charset) {
            paragraph(out, &line)?;
        }
        if let Some(rest) = summary::rest(report) {
            paragraph(out, &rest)?;
        }
        writeln!(out)?;
        for line in summary::totals(report) {
            paragraph(out, &line)?;
        }
    }
    for line in measured::sentences(report, config) {
        paragraph(out, &line)?;
    }
    if let Some(line) = closed_held::sentence(report) {
        paragraph(out, &line)?;
    }
    if config.verbose {
        paragraph(out, &measured::verbose(report, config))?;
    }
    if !report.snapshot.gaps.is_empty() {
        writeln!(out)?;
    }
    gaps(&report.snapshot.gaps, page, out)?;
    let missing = missing::sentence(report);
    let next = next(report, config);
    if missing.is_some() || !next.is_empty() {
        writeln!(out)?;
    }
    if let Some(line) = missing {
        paragraph(out, &line)?;
    }
    write_next(&next, out)
}

/// Says before anything else that a report is not whole, where somebody has ended it.
pub(super) fn write_cut_short(gaps: &[Gap], page: Page, out: &mut dyn Write) -> io::Result<()> {
    if !gaps.iter().any(|gap| gap.what == Missing::Partial) {
        return Ok(());
    }
    write_paragraph(out, "Partial: told to end before everything was read. So far:", 0, page)?;
    writeln!(out)
}

/// Writes the commands for the next question.
pub(super) fn write_next(next: &[String], out: &mut dyn Write) -> io::Result<()> {
    for (at, line) in next.iter().enumerate() {
        writeln!(out, "{}{line}", if at == 0 { "Next: " } else { "      " })?;
    }
    Ok(())
}

/// Writes what could not be seen, each with its remedy.
pub(crate) fn write_gaps(snapshot: &Snapshot, charset: Charset, out: &mut dyn Write) -> io::Result<()> {
    gaps(&snapshot.gaps, Page { width: None, charset }, out)
}

/// The same, broken to the page's width.
pub(super) fn gaps(gaps: &[Gap], page: Page, out: &mut dyn Write) -> io::Result<()> {
    for gap in &together(gaps) {
        let (missing, remedy) = summary::gap(gap, page.charset);
        write_paragraph(out, &missing, 0, page)?;
        write_paragraph(out, &remedy, 2, page)?;
    }
    Ok(())
}

/// Those that do not answer for the same reason, in one.
fn together(gaps: &[Gap]) -> Vec<Gap> {
    /// How many are named.
    const NAMED: usize = 5;
    let mut told: Vec<Gap> = Vec::new();
    for gap in gaps {
        let is_alike = |other: &Gap| other.what == Missing::NoAnswer && other.remedy == gap.remedy;
        if told.iter().any(is_alike) {
            continue;
        }
        let alike: Vec<&Gap> =
            gaps.iter().filter(|other| gap.what == other.what && is_alike(other)).collect();
        let mut gap = gap.clone();
        if alike.len() > 1 {
            let named: Vec<&str> = alike.iter().take(NAMED).map(|gap| gap.place.as_str()).collect();
            let more = alike.len() - named.len();
            gap.place = named.join(", ");
            if more > 0 {
                gap.place.push_str(&format!(" and {more} more"));
            }
            gap.count = Some(alike.len() as u64);
        }
        told.push(gap);
    }
    told
}

/// What the first column holds: whose a block is, and whose each of its sockets.
fn first_column(by: By) -> &'static str {
    match by {
        By::Process | By::Socket => "PROCESS",
        By::Container => "CONTAINER, PROCESS",
        By::Pod => "POD, PROCESS",
        By::Netns => "NETNS, PROCESS",
        By::Cgroup => "CGROUP, PROCESS",
    }
}

fn rows(report: &Report<'_>, writer: Writer<'_>, why: &Why<'_>) -> Vec<Cells> {
    let mut rows = Vec::new();
    let add = |rows: &mut Vec<Cells>, socket: &SocketReport, owner| {
        let why = why(socket, owner).unwrap_or_default();
        rows.push(Cells { why, ..writer.socket_row(socket, owner) });
        rows.extend(writer.subflow_rows(socket));
    };
    if report.by == By::Socket {
        report.sockets.iter().for_each(|socket| add(&mut rows, socket, None));
    }
    for group in &report.groups {
        rows.push(writer.group_row(group));
        group.sockets.iter().for_each(|socket| add(&mut rows, socket, Some(group.owner)));
    }
    rows
}
