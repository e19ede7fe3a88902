//! A report for people: the answer, the table, what it adds up to, what could not be seen.

use std::io::{self, Write};

use skcheck_core::Snapshot;

use crate::args::By;
use crate::config::{Page, ScanConfig};
use crate::output::cells::{Cells, SENDING};
use crate::output::layout::render;
use crate::output::names::{INFERRED, Writer};
use crate::output::paragraph::write_paragraph;
use crate::output::summary;
use crate::report::Report;
use crate::text::Charset;

/// Writes the whole report.
pub(crate) fn write(report: &Report<'_>, config: &ScanConfig, out: &mut dyn Write) -> io::Result<()> {
    let page = config.page;
    let paragraph = |out: &mut dyn Write, text: &str| write_paragraph(out, text, 0, page);
    for line in summary::headline(report, config) {
        paragraph(out, &line)?;
    }
    if !report.sockets.is_empty() {
        writeln!(out)?;
        let wide = config.wide || report.spans;
        let rows = rows(report, Writer { snapshot: report.snapshot, charset: page.charset, wide });
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
    if let Some(line) = summary::closed_held(report) {
        paragraph(out, &line)?;
    }
    if !report.snapshot.gaps.is_empty() {
        writeln!(out)?;
    }
    gaps(report.snapshot, page, out)?;
    let next = summary::next(report, config);
    if !next.is_empty() {
        writeln!(out)?;
        for (at, line) in next.iter().enumerate() {
            writeln!(out, "{}{line}", if at == 0 { "Next: " } else { "      " })?;
        }
    }
    Ok(())
}

/// Writes what could not be seen, each with its remedy.
pub(crate) fn write_gaps(snapshot: &Snapshot, charset: Charset, out: &mut dyn Write) -> io::Result<()> {
    gaps(snapshot, Page { width: None, charset }, out)
}

fn gaps(snapshot: &Snapshot, page: Page, out: &mut dyn Write) -> io::Result<()> {
    for gap in &snapshot.gaps {
        let (missing, remedy) = summary::gap(gap, page.charset);
        write_paragraph(out, &missing, 0, page)?;
        write_paragraph(out, &remedy, 2, page)?;
    }
    Ok(())
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

fn rows(report: &Report<'_>, writer: Writer<'_>) -> Vec<Cells> {
    if report.by == By::Socket {
        return report.sockets.iter().map(|socket| writer.socket_row(socket, None)).collect();
    }
    let mut rows = Vec::new();
    for group in &report.groups {
        rows.push(writer.group_row(group));
        rows.extend(group.sockets.iter().map(|socket| writer.socket_row(socket, Some(group.owner))));
    }
    rows
}

/// What the marks mean that the table uses.
fn legend(rows: &[Cells], charset: Charset) -> Vec<String> {
    let uses = |cells: &[fn(&Cells) -> &String], mark: &str| {
        rows.iter().any(|row| cells.iter().any(|cell| cell(row).starts_with(mark)))
    };
    let (least, most) = (charset.at_least(), charset.at_most());
    let mut legend = Vec::new();
    if uses(&[|row| &row.recv_q, |row| &row.send_q], most) {
        legend
            .push(format!("{most} in a queue: memory that the kernel counts there (truesize), not payload."));
    }
    if uses(&[|row| &row.recv_q, |row| &row.send_q, |row| &row.charged, |row| &row.worst], least) {
        legend.push(format!(
            "{least}: at least; a part is unknown. Of unix datagrams RECV-Q tells the first only."
        ));
    }
    if uses(&[|row| &row.charged, |row| &row.worst], charset.about()) {
        legend.push(format!(
            "{}: about; what senders of unix datagrams are charged can belong to other readers too.",
            charset.about()
        ));
    }
    if uses(&[|row| &row.charged], SENDING) {
        legend.push(format!("{SENDING}in CHARGED: this and WORST are for sent data that the peer has not taken, the larger side here."));
    }
    if uses(&[|row| &row.peer_process], INFERRED) {
        legend.push(format!("{INFERRED}: in another network namespace, found by the two addresses alone."));
    }
    if rows.iter().any(|row| [&row.recv_q, &row.charged].iter().any(|cell| cell.as_str() == "?")) {
        legend.push("?: unknown, which is not zero.".to_owned());
    }
    legend
}
