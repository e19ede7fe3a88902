//! The table: a row for each socket that matters, as wide as the page allows.

use skcheck_core::Truesize;
use skcheck_core::watch::progress::Writing;

use crate::output::table::grid::{self, Align};
use crate::output::table::watch::why::why_and_room;
use crate::output::words::sample::SampleNames;
use crate::output::words::socket::{proto, state_name};
use crate::report::watch::WatchRow;
use crate::text::{Charset, Page, fit, grouped, size, span, width};

/// How far what has no column is indented below its row.
const INDENT: usize = 8;

/// Columns of a process's name and pid at most.
const NAME: usize = 28;

/// What stands in the cells of one row, as text.
struct WatchCells {
    process: String,
    fd: String,
    proto: String,
    state: String,
    unread: String,
    reading: String,
    consumed: String,
    arriving: String,
    age: String,
    drops: String,
    unsent: String,
    writing: String,
    why: String,
}

/// The lines of a table: its heading, and those of each row.
#[derive(Debug, Default)]
pub(super) struct WatchLines {
    pub(super) heading: String,
    pub(super) rows: Vec<Vec<String>>,
}

type WatchColumn = (&'static str, Align, fn(&WatchCells) -> &str);

const STATE: &str = "STATE";
const PROTO: &str = "PROTO";
const ARRIVING: &str = "ARRIVING/s";
const DROPS: &str = "DROPS/s";
const UNSENT: &str = "UNSENT";
const WRITING: &str = "WRITING";
const WHY: &str = "WHY";

const COLUMNS: [WatchColumn; 13] = [
    ("PROCESS", Align::Left, |cells| &cells.process),
    ("FD", Align::Right, |cells| &cells.fd),
    (PROTO, Align::Left, |cells| &cells.proto),
    (STATE, Align::Left, |cells| &cells.state),
    ("UNREAD", Align::Right, |cells| &cells.unread),
    ("READING", Align::Left, |cells| &cells.reading),
    ("CONSUMED/s", Align::Right, |cells| &cells.consumed),
    (ARRIVING, Align::Right, |cells| &cells.arriving),
    ("AGE", Align::Right, |cells| &cells.age),
    (DROPS, Align::Right, |cells| &cells.drops),
    (UNSENT, Align::Right, |cells| &cells.unsent),
    (WRITING, Align::Left, |cells| &cells.writing),
    (WHY, Align::Left, |cells| &cells.why),
];

/// What is left out of the lines, step by step, until they fit. What is left out and matters stands below
/// its row.
const LEFT_OUT: [&[&str]; 5] = [
    &[],
    &[STATE],
    &[STATE, WHY],
    &[STATE, WHY, UNSENT, WRITING],
    &[STATE, WHY, UNSENT, WRITING, PROTO, ARRIVING],
];

/// The table of these rows.
pub(super) fn table(rows: &[WatchRow<'_>], names: SampleNames<'_>, page: Page) -> WatchLines {
    let cells: Vec<WatchCells> = rows.iter().map(|row| cells(row, names)).collect();
    let room = page.width.unwrap_or(usize::MAX);
    let mut drawn = WatchLines::default();
    for left_out in LEFT_OUT {
        let columns = used(&cells, left_out);
        for gutter in [2, 1] {
            drawn = draw(&cells, &columns, gutter, page);
            if drawn.lines().all(|line| width(line) <= room) {
                return drawn;
            }
        }
    }
    drawn.cut(room, page.charset)
}

/// The columns that are not left out. Those of the sending side and of drops are there only where a row
/// has something to say in them.
fn used(cells: &[WatchCells], left_out: &[&str]) -> Vec<WatchColumn> {
    let is_used = |column: &&WatchColumn| {
        let is_optional = [DROPS, UNSENT, WRITING].contains(&column.0);
        !left_out.contains(&column.0)
            && (!is_optional || cells.iter().any(|row| !["", "0"].contains(&(column.2)(row))))
    };
    COLUMNS.iter().filter(is_used).copied().collect()
}

fn draw(cells: &[WatchCells], columns: &[WatchColumn], gutter: u16, page: Page) -> WatchLines {
    let headings: Vec<(&str, Align)> = columns.iter().map(|column| (column.0, column.1)).collect();
    let rows = cells.iter().map(|row| columns.iter().map(|column| (column.2)(row)).collect());
    let mut lines = grid::draw(&headings, rows, gutter).into_iter();
    let has = |name: &str| columns.iter().any(|column| column.0 == name);
    let heading = lines.next().unwrap_or_default();
    let rows = lines.zip(cells).map(|(line, row)| {
        let mut below = Vec::new();
        if !has(WRITING) && !row.writing.is_empty() {
            below.push(format!("{} unsent, {}", row.unsent, row.writing));
        }
        if !has(WHY) && !row.why.is_empty() {
            below.push(row.why.clone());
        }
        let mut lines = vec![line];
        if !below.is_empty() {
            let room = page.width.map_or(usize::MAX, |room| room.saturating_sub(INDENT));
            lines.push(format!("{:INDENT$}{}", "", fit(&below.join("; "), room, page.charset)));
        }
        lines
    });
    WatchLines { heading, rows: rows.collect() }
}

impl WatchLines {
    fn lines(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.heading).chain(self.rows.iter().flatten())
    }

    /// A terminal that is redrawn must not break lines.
    fn cut(mut self, room: usize, charset: Charset) -> WatchLines {
        self.heading = fit(&self.heading, room, charset);
        self.rows.iter_mut().flatten().for_each(|line| *line = fit(line, room, charset));
        self
    }
}

fn cells(row: &WatchRow<'_>, names: SampleNames<'_>) -> WatchCells {
    let judged = row.judged;
    // Connections are no bytes.
    let untold = if row.accept_queue().is_some() { "-" } else { "?" };
    let rate = |bytes: Option<u64>| bytes.map_or_else(|| untold.to_owned(), size);
    let is_writer = !matches!(judged.writing, Writing::Idle | Writing::Unknown);
    let sent = row.socket.footprint.sent.payload;
    WatchCells {
        process: fit(&names.owner(row), NAME, names.charset),
        fd: row.own_fd().map_or_else(|| "-".to_owned(), |fd| fd.to_string()),
        proto: proto(row.socket.socket.protocol).to_owned(),
        state: state_name(row.socket.socket.state).to_owned(),
        unread: unread(row, names.charset),
        reading: judged.reading.name().to_owned(),
        consumed: match judged.consumed {
            Some(bytes) if judged.consumed_at_least => format!("{}{}", names.charset.at_least(), size(bytes)),
            consumed => rate(consumed),
        },
        arriving: rate(judged.arriving),
        age: match row.age {
            Some(age) => format!("{}{}", names.charset.at_least(), span(age)),
            None => "?".to_owned(),
        },
        drops: judged.drops_per_second.map_or_else(String::new, grouped),
        unsent: match sent {
            Some(sent) if is_writer => size(sent.0),
            None if is_writer => "?".to_owned(),
            _ => String::new(),
        },
        writing: if is_writer { judged.writing.name().to_owned() } else { String::new() },
        why: why_and_room(row, names),
    }
}

fn unread(row: &WatchRow<'_>, charset: Charset) -> String {
    if let Some((waiting, _)) = row.accept_queue() {
        return format!("{waiting} conn");
    }
    let in_ring = row.socket.socket.rings.filter(|rings| rings.rx.is_some());
    match in_ring.map(|rings| rings.fill) {
        Some(Some(fill)) if fill.full > 0 => {
            return format!("{}/{} {}s", fill.full, fill.units, fill.by.name());
        }
        Some(None) => return "?".to_owned(),
        _ => {}
    }
    let received = &row.socket.footprint.received;
    match (received.payload, received.charged) {
        (Some(payload), _) => size(payload.0),
        (None, Some(Truesize(charged))) => format!("{}{}", charset.at_most(), size(charged)),
        (None, None) => "?".to_owned(),
    }
}
