//! The table's lines: as many columns as the page has room for.

use crate::output::table::grid::{Align, GUTTER, NARROW_GUTTER, draw};
use crate::output::table::scan::cells::ScanCells;
use crate::output::words::names::INFERRED;
use crate::text::{Charset, Page, fit, width};

/// Names and addresses are cut to this at most; where that is not enough, they get lines of their own.
const LEAST_ADDRESS: usize = 24;

/// How far the address line is indented.
const INDENT: usize = 8;

/// The table's lines, as wide as the page allows: everything on one line where it fits, else
/// without the peer's process, else with shorter addresses, else with addresses on lines of
/// their own.
pub(super) fn render(rows: &[ScanCells], first: &'static str, page: Page) -> Vec<String> {
    let columns = |beside| columns(first, beside);
    let full = lines(rows, &columns(Beside::AddressesAndPeer), GUTTER);
    let Some(room) = page.width else { return full };
    let fits = |lines: &[String]| lines.iter().all(|line| width(line) <= room);
    if fits(&full) {
        return full;
    }
    // Who is at the other end of a connection to another namespace must not be lost.
    if rows.iter().any(|row| row.peer_process.starts_with(INFERRED)) {
        return narrow(rows, &columns(Beside::Nothing), room, page.charset);
    }
    let plain = lines(rows, &columns(Beside::Addresses), GUTTER);
    if fits(&plain) {
        return plain;
    }
    let longest = plain.iter().map(|line| width(line)).max().unwrap_or(0);
    let shortened = shorten_addresses(rows, longest - room, page.charset);
    let shortened = lines(&shortened, &columns(Beside::Addresses), GUTTER);
    if fits(&shortened) {
        return shortened;
    }
    narrow(rows, &columns(Beside::Nothing), room, page.charset)
}

/// Columns that are left out where no row fills them.
const NETNS: &str = "NETNS";
const CONTAINER: &str = "CONTAINER, UNIT";
const PINNED: &str = "PINNED";
const PEER_PROCESS: &str = "PEER PROCESS";
const NOTE: &str = "NOTE";
const WHY: &str = "WHY";

type ScanColumn = (&'static str, Align, fn(&ScanCells) -> &str);

/// What stands on the lines of the rows beside numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// Addresses have lines of their own.
    Nothing,
    Addresses,
    /// The process at the other end too.
    AddressesAndPeer,
}

fn columns(first: &'static str, beside: Beside) -> Vec<ScanColumn> {
    use Align::{Left, Right};
    let addresses = beside != Beside::Nothing;
    let mut columns: Vec<ScanColumn> = vec![(first, Left, |cells| &cells.process)];
    if addresses {
        columns.push((NETNS, Left, |cells| &cells.netns));
        columns.push((CONTAINER, Left, |cells| &cells.container));
    }
    let numbers: [ScanColumn; 8] = [
        ("FD", Right, |cells| &cells.fd),
        ("PROTO", Left, |cells| &cells.proto),
        ("STATE", Left, |cells| &cells.state),
        ("RECV-Q", Right, |cells| &cells.recv_q),
        ("SEND-Q", Right, |cells| &cells.send_q),
        ("CHARGED", Right, |cells| &cells.charged),
        (PINNED, Right, |cells| &cells.pinned),
        ("WORST", Right, |cells| &cells.worst),
    ];
    columns.extend(numbers);
    if addresses {
        columns.push(("LOCAL", Left, |cells| &cells.local));
        columns.push(("PEER", Left, |cells| &cells.peer));
        if beside == Beside::AddressesAndPeer {
            columns.push((PEER_PROCESS, Left, |cells| &cells.peer_process));
        }
        columns.push((NOTE, Left, |cells| &cells.note));
        columns.push((WHY, Left, |cells| &cells.why));
    }
    columns
}

/// Lays the rows out; optional columns are left out where no row fills them.
fn lines(rows: &[ScanCells], columns: &[ScanColumn], gutter: u16) -> Vec<String> {
    let is_optional = |name: &str| [NETNS, CONTAINER, PINNED, PEER_PROCESS, NOTE, WHY].contains(&name);
    let is_used =
        |column: &&ScanColumn| !is_optional(column.0) || rows.iter().any(|row| !(column.2)(row).is_empty());
    let columns: Vec<&ScanColumn> = columns.iter().filter(is_used).collect();
    let headings: Vec<(&str, Align)> = columns.iter().map(|column| (column.0, column.1)).collect();
    let rows = rows.iter().map(|row| columns.iter().map(|column| (column.2)(row)).collect());
    draw(&headings, rows, gutter)
}

/// The rows with their longest addresses cut, so that lines get shorter by `excess` where possible.
fn shorten_addresses(rows: &[ScanCells], excess: usize, charset: Charset) -> Vec<ScanCells> {
    let longest =
        |cell: fn(&ScanCells) -> &String| rows.iter().map(|row| width(cell(row))).max().unwrap_or(0);
    let (local, peer) = (longest(|row| &row.local), longest(|row| &row.peer));
    let (mut to_local, mut to_peer) = (local, peer);
    for _ in 0..excess {
        let larger = if to_local >= to_peer { &mut to_local } else { &mut to_peer };
        *larger = larger.saturating_sub(1).max(LEAST_ADDRESS.min(*larger));
    }
    let shorten = |row: &ScanCells| ScanCells {
        local: fit(&row.local, to_local, charset),
        peer: fit(&row.peer, to_peer, charset),
        ..row.clone()
    };
    rows.iter().map(shorten).collect()
}

/// The table with addresses below each row and, where even that is too wide, names above. Numbers are
/// never cut: on a terminal that is too narrow even for them, lines are longer than it.
fn narrow(rows: &[ScanCells], columns: &[ScanColumn], room: usize, charset: Charset) -> Vec<String> {
    let longest = |lines: &[String]| lines.iter().map(|line| width(line)).max().unwrap_or(0);
    let mut numbers = lines(rows, columns, GUTTER);
    if longest(&numbers) > room {
        numbers = lines(rows, columns, NARROW_GUTTER);
    }
    let names_above = longest(&numbers) > room;
    let mut narrow = Vec::new();
    if let ([(name, ..), others @ ..], true) = (columns, names_above) {
        numbers = lines(rows, others, NARROW_GUTTER);
        narrow.push((*name).to_owned());
    }
    let mut numbers = numbers.into_iter();
    narrow.extend(numbers.next());
    for (line, row) in numbers.zip(rows) {
        if names_above && !row.process.is_empty() {
            narrow.push(fit(&row.process, room, charset));
        }
        narrow.push(line);
        let room = room.saturating_sub(INDENT);
        let below = lines_below(row, room);
        narrow.extend(below.iter().map(|line| format!("{:INDENT$}{}", "", fit(line, room, charset))));
    }
    narrow
}

/// What has no column on a narrow page: addresses, the note, namespace and container, as many on a line as
/// fit; then why nobody reads.
fn lines_below(row: &ScanCells, room: usize) -> Vec<String> {
    let named = |what: &str, name: &str| (!name.is_empty()).then(|| format!("{what} {name}"));
    let place: Vec<String> =
        named("netns", &row.netns).into_iter().chain(named("in", &row.container)).collect();
    let addresses = addresses(row);
    let alone = addresses.is_empty() && !row.note.is_empty();
    let note = if alone { format!("({})", row.note) } else { row.note.clone() };
    let mut lines: Vec<String> = Vec::new();
    for part in [addresses, note, place.join(", ")].into_iter().filter(|part| !part.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(line) + 2 + width(&part) <= room => *line = format!("{line}, {part}"),
            _ => lines.push(part),
        }
    }
    lines.extend((!row.why.is_empty()).then(|| row.why.clone()));
    lines
}

/// `local > peer (process)`, without what is not known.
fn addresses(row: &ScanCells) -> String {
    let mut line = row.local.clone();
    if !row.peer.is_empty() {
        line = format!("{line} > {}", row.peer);
    }
    if !row.peer_process.is_empty() {
        line = format!("{line} ({})", row.peer_process);
    }
    line
}
