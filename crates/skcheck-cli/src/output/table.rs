//! A report for people: the answer, the table, what it adds up to, what could not be seen.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table};
use skcheck_core::Snapshot;

use crate::args::By;
use crate::config::{Page, ScanConfig};
use crate::output::cells::{Cells, SENDING, Writer};
use crate::output::summary;
use crate::report::Report;
use crate::text::{Charset, fit, width};

/// Between columns, and where there is little room.
const GUTTER: u16 = 2;
const NARROW_GUTTER: u16 = 1;

/// Process names are cut to no less than this.
const LEAST_NAME: usize = 8;

/// Names and addresses are cut to this at most; where that is not enough, they get lines of their own.
const LEAST_ADDRESS: usize = 24;

/// How far the address line is indented.
const INDENT: usize = 8;

/// Writes the whole report.
pub(crate) fn write(report: &Report<'_>, config: &ScanConfig, out: &mut dyn Write) -> io::Result<()> {
    let page = config.page;
    let paragraph = |out: &mut dyn Write, text: &str| write_wrapped(out, text, 0, page);
    for line in summary::headline(report, config) {
        paragraph(out, &line)?;
    }
    if !report.sockets.is_empty() {
        writeln!(out)?;
        let rows = rows(report, page.charset);
        for line in render(&rows, page) {
            writeln!(out, "{line}")?;
        }
        for line in legend(&rows, page.charset) {
            paragraph(out, &line)?;
        }
        if let Some(rest) = summary::rest(report, page.charset) {
            paragraph(out, &rest)?;
        }
        writeln!(out)?;
        for line in summary::totals(report) {
            paragraph(out, &line)?;
        }
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
        write_wrapped(out, &missing, 0, page)?;
        write_wrapped(out, &remedy, 2, page)?;
    }
    Ok(())
}

fn rows(report: &Report<'_>, charset: Charset) -> Vec<Cells> {
    let writer = Writer { snapshot: report.snapshot, charset };
    if report.by == By::Socket {
        return report.sockets.iter().map(|socket| writer.socket(socket, None)).collect();
    }
    let mut rows = Vec::new();
    for group in &report.groups {
        rows.push(writer.group(group));
        rows.extend(group.sockets.iter().map(|socket| writer.socket(socket, Some(group.owner))));
    }
    rows
}

/// The table's lines, as wide as the page allows: everything on one line where it fits, else
/// without the peer's process, else with shorter addresses, else with addresses on lines of
/// their own.
fn render(rows: &[Cells], page: Page) -> Vec<String> {
    let full = lines(rows, &columns(true, true), GUTTER);
    let Some(room) = page.width else { return full };
    let fits = |lines: &[String]| lines.iter().all(|line| width(line) <= room);
    if fits(&full) {
        return full;
    }
    let plain = lines(rows, &columns(true, false), GUTTER);
    if fits(&plain) {
        return plain;
    }
    let longest = plain.iter().map(|line| width(line)).max().unwrap_or(0);
    let shortened = shorten_addresses(rows, longest - room, page.charset);
    let shortened = lines(&shortened, &columns(true, false), GUTTER);
    if fits(&shortened) {
        return shortened;
    }
    narrow(rows, room, page.charset)
}

type Column = (&'static str, CellAlignment, fn(&Cells) -> &str);

fn columns(addresses: bool, peer_process: bool) -> Vec<Column> {
    use CellAlignment::{Left, Right};
    let mut columns: Vec<Column> = vec![
        ("PROCESS", Left, |cells| &cells.process),
        ("FD", Right, |cells| &cells.fd),
        ("PROTO", Left, |cells| &cells.proto),
        ("STATE", Left, |cells| &cells.state),
        ("RECV-Q", Right, |cells| &cells.recv_q),
        ("SEND-Q", Right, |cells| &cells.send_q),
        ("CHARGED", Right, |cells| &cells.charged),
        ("WORST", Right, |cells| &cells.worst),
    ];
    if addresses {
        columns.push(("LOCAL", Left, |cells| &cells.local));
        columns.push(("PEER", Left, |cells| &cells.peer));
        if peer_process {
            columns.push(("PEER PROCESS", Left, |cells| &cells.peer_process));
        }
        columns.push(("NOTE", Left, |cells| &cells.note));
    }
    columns
}

/// Lays the rows out; the last columns are left out where no row fills them.
fn lines(rows: &[Cells], columns: &[Column], gutter: u16) -> Vec<String> {
    let is_optional = |name: &str| matches!(name, "PEER PROCESS" | "NOTE");
    let is_used =
        |column: &&Column| !is_optional(column.0) || rows.iter().any(|row| !(column.2)(row).is_empty());
    let columns: Vec<&Column> = columns.iter().filter(is_used).collect();
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(columns.iter().map(|column| column.0));
    for row in rows {
        table.add_row(columns.iter().map(|column| (column.2)(row)));
    }
    let last = columns.len().saturating_sub(1);
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if at == last { 0 } else { gutter }));
        if let Some((_, alignment, _)) = columns.get(at) {
            column.set_cell_alignment(*alignment);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// The rows with their longest addresses cut, so that lines get shorter by `excess` where possible.
fn shorten_addresses(rows: &[Cells], excess: usize, charset: Charset) -> Vec<Cells> {
    let longest = |cell: fn(&Cells) -> &String| rows.iter().map(|row| width(cell(row))).max().unwrap_or(0);
    let (local, peer) = (longest(|row| &row.local), longest(|row| &row.peer));
    let (mut to_local, mut to_peer) = (local, peer);
    for _ in 0..excess {
        let larger = if to_local >= to_peer { &mut to_local } else { &mut to_peer };
        *larger = larger.saturating_sub(1).max(LEAST_ADDRESS.min(*larger));
    }
    let shorten = |row: &Cells| Cells {
        local: fit(&row.local, to_local, charset),
        peer: fit(&row.peer, to_peer, charset),
        ..row.clone()
    };
    rows.iter().map(shorten).collect()
}

/// The table with addresses below each row. Numbers are never cut: on a terminal that is too narrow
/// even for them, lines are longer than it.
fn narrow(rows: &[Cells], room: usize, charset: Charset) -> Vec<String> {
    let columns = columns(false, false);
    let longest = |lines: &[String]| lines.iter().map(|line| width(line)).max().unwrap_or(0);
    let mut numbers = lines(rows, &columns, GUTTER);
    if longest(&numbers) > room {
        numbers = lines(rows, &columns, NARROW_GUTTER);
    }
    let excess = longest(&numbers).saturating_sub(room);
    if excess > 0 {
        let names = rows.iter().map(|row| width(&row.process)).max().unwrap_or(0);
        let names = names.saturating_sub(excess).max(LEAST_NAME);
        let shorten = |row: &Cells| Cells { process: fit(&row.process, names, charset), ..row.clone() };
        let shortened: Vec<Cells> = rows.iter().map(shorten).collect();
        numbers = lines(&shortened, &columns, NARROW_GUTTER);
    }
    let mut numbers = numbers.into_iter();
    let mut narrow: Vec<String> = numbers.next().into_iter().collect();
    for (line, row) in numbers.zip(rows) {
        narrow.push(line);
        let below = address_line(row);
        if !below.is_empty() {
            narrow.push(format!("{:INDENT$}{}", "", fit(&below, room.saturating_sub(INDENT), charset)));
        }
    }
    narrow
}

/// `local > peer (process), note`, without what is not known.
fn address_line(row: &Cells) -> String {
    let mut line = row.local.clone();
    if !row.peer.is_empty() {
        line = format!("{line} > {}", row.peer);
    }
    if !row.peer_process.is_empty() {
        line = format!("{line} ({})", row.peer_process);
    }
    match (line.is_empty(), row.note.is_empty()) {
        (_, true) => line,
        (true, false) => format!("({})", row.note),
        (false, false) => format!("{line}, {}", row.note),
    }
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
    if uses(&[|row| &row.charged], SENDING) {
        legend.push(format!("{SENDING}in CHARGED: this and WORST are for sent data that the peer has not taken, the larger side here."));
    }
    if rows.iter().any(|row| [&row.recv_q, &row.charged].iter().any(|cell| cell.as_str() == "?")) {
        legend.push("?: unknown, which is not zero.".to_owned());
    }
    legend
}

/// Writes a paragraph, broken at blanks to the page's width.
fn write_wrapped(out: &mut dyn Write, text: &str, indent: usize, page: Page) -> io::Result<()> {
    let room = page.width.map_or(usize::MAX, |room| room.saturating_sub(indent));
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > room {
            writeln!(out, "{:indent$}{line}", "")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{:indent$}{line}", "")
}
