//! The table: a row for each socket that matters, as wide as the page allows.

use std::time::Duration;

use skcheck_core::watch::cause::{CauseCode, End, Root};
use skcheck_core::watch::progress::Writing;
use skcheck_core::{Holding, State, Truesize};

use crate::output::cells::{proto, state_name};
use crate::output::layout::Align;
use crate::output::names::descriptor;
use crate::output::watch::names::Names;
use crate::output::watch::{arrival, notes, words};
use crate::output::{layout, room};
use crate::report::Owner;
use crate::report::watch::{Row, Standing};
use crate::text::{Charset, Page, fit, grouped, size, span, width};

/// How far what has no column is indented below its row.
const INDENT: usize = 8;

/// Columns of a process's name and pid at most.
const NAME: usize = 28;

/// What stands in the cells of one row, as text.
struct Cells {
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
pub(super) struct Table {
    pub(super) heading: String,
    pub(super) rows: Vec<Vec<String>>,
}

type Column = (&'static str, Align, fn(&Cells) -> &str);

const STATE: &str = "STATE";
const PROTO: &str = "PROTO";
const ARRIVING: &str = "ARRIVING/s";
const DROPS: &str = "DROPS/s";
const UNSENT: &str = "UNSENT";
const WRITING: &str = "WRITING";
const WHY: &str = "WHY";

const COLUMNS: [Column; 13] = [
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
pub(super) fn table(rows: &[Row<'_>], names: Names<'_>, page: Page) -> Table {
    let cells: Vec<Cells> = rows.iter().map(|row| cells(row, names)).collect();
    let room = page.width.unwrap_or(usize::MAX);
    let mut drawn = Table::default();
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
fn used(cells: &[Cells], left_out: &[&str]) -> Vec<Column> {
    let is_used = |column: &&Column| {
        let is_optional = [DROPS, UNSENT, WRITING].contains(&column.0);
        !left_out.contains(&column.0)
            && (!is_optional || cells.iter().any(|row| !["", "0"].contains(&(column.2)(row))))
    };
    COLUMNS.iter().filter(is_used).copied().collect()
}

fn draw(cells: &[Cells], columns: &[Column], gutter: u16, page: Page) -> Table {
    let headings: Vec<(&str, Align)> = columns.iter().map(|column| (column.0, column.1)).collect();
    let rows = cells.iter().map(|row| columns.iter().map(|column| (column.2)(row)).collect());
    let mut lines = layout::draw(&headings, rows, gutter).into_iter();
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
    Table { heading, rows: rows.collect() }
}

impl Table {
    fn lines(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.heading).chain(self.rows.iter().flatten())
    }

    /// A terminal that is redrawn must not break lines.
    fn cut(mut self, room: usize, charset: Charset) -> Table {
        self.heading = fit(&self.heading, room, charset);
        self.rows.iter_mut().flatten().for_each(|line| *line = fit(line, room, charset));
        self
    }
}

fn cells(row: &Row<'_>, names: Names<'_>) -> Cells {
    let judged = row.judged;
    // Connections are no bytes.
    let untold = if row.accept_queue().is_some() { "-" } else { "?" };
    let rate = |bytes: Option<u64>| bytes.map_or_else(|| untold.to_owned(), size);
    let is_writer = !matches!(judged.writing, Writing::Idle | Writing::Unknown);
    let sent = row.socket.footprint.sent.payload;
    Cells {
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

fn unread(row: &Row<'_>, charset: Charset) -> String {
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

/// The cause in a few words.
pub(super) fn why(row: &Row<'_>, names: Names<'_>) -> String {
    let judged = row.judged;
    let what = match row.standing {
        Standing::ReaderStalled | Standing::NotAccepted => Some(why_stalled(row, names)),
        Standing::NobodyAccepts => Some(format!("nobody accepts: {}", why_stalled(row, names))),
        Standing::AcceptsSlowly => Some("accepts slowly".to_owned()),
        Standing::WriterStalled => Some(why_unsent(row, names)),
        Standing::ReaderSlow if matches!(row.socket.holding, Holding::AwaitingAccept { .. }) => {
            Some("waits for accept, in turn".to_owned())
        }
        Standing::ReaderSlow | Standing::ReaderDraining if judged.sender_is_full => {
            Some(why_slow(row, names).unwrap_or_else(|| "its sender has more".to_owned()))
        }
        Standing::ReaderSlow => why_slow(row, names).or_else(|| match judged.until {
            // Said with its numbers.
            Some(Duration::ZERO) => None,
            until => until.map(|until| format!("full within {}", span(until))),
        }),
        Standing::ReaderDraining => {
            why_slow(row, names).or_else(|| judged.until.map(|until| format!("empty in {}", span(until))))
        }
        Standing::Unknown if row.socket.socket.state == State::ClosedHeld => Some("in no table".to_owned()),
        Standing::Unknown => Some("cannot be told".to_owned()),
        Standing::WriterSlow | Standing::WriterDraining => held_up(row, names),
        Standing::Idle => None,
    };
    let place = match row.socket.holding {
        Holding::InFlight { .. } => row.holder.map(|holder| format!("in flight to {}", descriptor(&holder))),
        Holding::AwaitingAccept { .. } if row.standing != Standing::ReaderSlow => {
            Some("not accepted yet".to_owned())
        }
        _ => None,
    };
    let words: Vec<String> = what.into_iter().chain(place).chain(held_by(row, names)).collect();
    words.join(", ")
}

/// The same in a block of this owner, who may merely hold what another does not read.
pub(in crate::output) fn why_at(row: &Row<'_>, owner: Option<Owner<'_>>, names: Names<'_>) -> String {
    let why = why(row, names);
    match (owner, row.holder) {
        (Some(Owner::Process(pid)), Some(reader)) if !row.concerns(pid) => {
            format!("{}: {why}", names.short(reader.pid))
        }
        _ => why,
    }
}

/// The cause, and that there is no room for more.
fn why_and_room(row: &Row<'_>, names: Names<'_>) -> String {
    // How full a queue of connections is stands in the cause.
    let full = room::buffer(&row.socket.socket).filter(|_| row.accept_queue().is_none());
    let words = [Some(why(row, names)).filter(|why| !why.is_empty()), full];
    words.into_iter().flatten().collect::<Vec<String>>().join(", ")
}

/// Whose it was, where that one holds it no more.
fn held_by(row: &Row<'_>, names: Names<'_>) -> Option<String> {
    let pids = row.socket.pids();
    let (stayed, left): (Vec<u32>, Vec<u32>) =
        row.judged.held_by.iter().map(|before| before.pid).partition(|pid| pids.contains(pid));
    let was = if stayed.is_empty() { "was" } else { "was also" };
    left.first().map(|pid| format!("{was} {}'s", names.process(*pid)))
}

/// By whom, and what that one does.
fn held_up(row: &Row<'_>, names: Names<'_>) -> Option<String> {
    let (reader, end) = row.culprit()?;
    let does = match end {
        End::Stalled(_, cause) => words::short(cause.code).to_owned(),
        End::Slow(_, pace, why) => {
            let why = why.as_ref().map(|cause| format!(", {}", words::short(cause.code)));
            format!("{}{}", words::reads_short(*pace, names.charset), why.unwrap_or_default())
        }
        _ => return None,
    };
    let probably = if row.is_inferred() { "probably " } else { "" };
    Some(format!("{probably}held up by {}: {does}", names.short(reader.pid)))
}

/// Why it reads no faster.
fn why_slow(row: &Row<'_>, names: Names<'_>) -> Option<String> {
    let own = || row.judged.cause.as_ref().map(|cause| words::short(cause.code).to_owned());
    held_up(row, names).or_else(own)
}

/// Why nothing of what was written is taken.
fn why_unsent(row: &Row<'_>, names: Names<'_>) -> String {
    if let Some(shown) = row.judged.not_arriving {
        return arrival::short(shown).to_owned();
    }
    let root = row.judged.root.as_ref();
    match root.and_then(|root| root.links.first()?.reader.map(|reader| (root, reader))) {
        Some((Root { end: End::Slow(..), .. }, _)) => held_up(row, names).unwrap_or_default(),
        Some((_, reader)) => format!("{} does not read", names.short(reader.pid)),
        None => "the other end takes nothing".to_owned(),
    }
}

fn why_stalled(row: &Row<'_>, names: Names<'_>) -> String {
    let own = row.holder.map(|holder| holder.pid);
    if let Some(other) = row.circle().into_iter().find(|pid| Some(*pid) != own) {
        return format!("{} with {}", words::short(CauseCode::Deadlock), names.short(other));
    }
    if let Some(held_up) = held_up(row, names) {
        return held_up;
    }
    let Some(cause) = &row.judged.cause else { return "unknown".to_owned() };
    if let (CauseCode::AcceptFull, Some((waiting, Some(limit)))) = (cause.code, row.accept_queue()) {
        return format!("queue full ({waiting} of {limit})");
    }
    let short = words::short(cause.code);
    match notes::unread(cause) {
        Some(unread) => format!("{short}: {}", words::missing(unread).short),
        None => short.to_owned(),
    }
}
