//! The table of a scan, and what belongs to it.

use std::io::{self, Write};

use skcheck_core::SocketEntry;

use crate::output::table::scan::cells::ScanCells;
use crate::output::table::scan::layout::render;
use crate::output::table::scan::legend::legend;
use crate::output::table::scan::rest::rest;
use crate::output::table::scan::style::TableStyle;
use crate::output::table::scan::totals::totals;
use crate::output::table::scan::writer::RowWriter;
use crate::output::words::names::SnapshotNames;
use crate::report::scan::{GroupBy, Owner, ScanReport};
use crate::text::write_paragraph;

/// What to say of a socket beside its numbers, in the block of its owner.
pub(super) type Why<'a> = dyn Fn(&SocketEntry, Option<Owner<'_>>) -> Option<String> + 'a;

/// Writes the rows, what their marks mean, and what they add up to.
pub(super) fn write_rows(
    report: &ScanReport<'_>,
    style: TableStyle,
    why: &Why<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = style.page;
    let paragraph = |out: &mut dyn Write, text: &str| write_paragraph(out, text, 0, page);
    let wide = style.wide || report.spans;
    let measured = report.measured.sockets > 0 || report.measured.elsewhere > 0;
    let names = SnapshotNames { snapshot: report.snapshot, charset: page.charset, wide };
    let rows = rows(report, RowWriter { names, measured }, why);
    for line in render(&rows, first_column(report.request.arrangement.by), page) {
        writeln!(out, "{line}")?;
    }
    for line in legend(&rows, page.charset) {
        paragraph(out, &line)?;
    }
    if let Some(rest) = rest(report) {
        paragraph(out, &rest)?;
    }
    writeln!(out)?;
    totals(report).iter().try_for_each(|line| paragraph(out, line))
}

/// What the first column holds: whose a block is, and whose each of its sockets.
fn first_column(by: GroupBy) -> &'static str {
    match by {
        GroupBy::Process | GroupBy::Socket => "PROCESS",
        GroupBy::Container => "CONTAINER, PROCESS",
        GroupBy::Pod => "POD, PROCESS",
        GroupBy::Netns => "NETNS, PROCESS",
        GroupBy::Cgroup => "CGROUP, PROCESS",
    }
}

fn rows(report: &ScanReport<'_>, writer: RowWriter<'_>, why: &Why<'_>) -> Vec<ScanCells> {
    let mut rows = Vec::new();
    let add = |rows: &mut Vec<ScanCells>, socket: &SocketEntry, owner| {
        let why = why(socket, owner).unwrap_or_default();
        rows.push(ScanCells { why, ..writer.socket_row(socket, owner) });
        rows.extend(writer.subflow_rows(socket));
    };
    if report.request.arrangement.by == GroupBy::Socket {
        report.sockets.iter().for_each(|socket| add(&mut rows, socket, None));
    }
    for group in &report.groups {
        rows.push(writer.group_row(group));
        group.sockets.iter().for_each(|socket| add(&mut rows, socket, Some(group.owner)));
    }
    rows
}
