//! Who opens sockets and never releases them, for people.

use std::io::{self, Write};

use skcheck_core::leaks::{Below, Leaked, OpenSockets};

use crate::output::table::gaps::{write_cut_short, write_gaps};
use crate::output::table::grid::{Align, grid};
use crate::output::words::socket::{proto, state_name};
use crate::report::leaks::{LeaksReport, OpenKind, kinds};
use crate::text::{Charset, Page, count, counted, enumerate, escape, fit, grouped, width, write_paragraph};

/// Columns of a name.
const NAME: usize = 24;

/// How many kinds of open sockets are named, and how many families.
const KINDS: usize = 3;
const FAMILIES: usize = 5;

/// Writes the whole report.
pub(crate) fn write(report: &LeaksReport<'_>, page: Page, out: &mut dyn Write) -> io::Result<()> {
    let leaks = report.leaks;
    write_cut_short(&leaks.gaps, page, out)?;
    write_paragraph(out, &answer(report, page.charset), 0, page)?;
    if !leaks.leaked.is_empty() {
        let rows: Vec<[String; 5]> =
            leaks.leaked.iter().map(|row| leaked(report, row, page.charset)).collect();
        lines(out, &grid(&LEAKED, &rows, page))?;
    }
    if !leaks.open.is_empty() {
        lines(out, &grid(&OPEN, &open(report, page), page))?;
    }
    let meaning = (!leaks.leaked.is_empty()).then(|| meaning(report));
    let notes: Vec<String> =
        [meaning, below(report), apart(report, page.charset)].into_iter().flatten().collect();
    if !notes.is_empty() {
        writeln!(out)?;
    }
    notes.iter().try_for_each(|note| write_paragraph(out, note, 0, page))?;
    if !leaks.gaps.is_empty() {
        writeln!(out)?;
    }
    write_gaps(&leaks.gaps, page, out)?;
    if let Some(pid) = report.first() {
        writeln!(out, "\nNext: skcheck --pid {pid} --all (its sockets one by one)")?;
    }
    Ok(())
}

const LEAKED: [(&str, Align); 5] = [
    ("PROCESS", Align::Left),
    ("PROTO", Align::Left),
    ("IN NO TABLE", Align::Right),
    ("OLDEST AT", Align::Left),
    ("NOTE", Align::Left),
];

const OPEN: [(&str, Align); 3] =
    [("PROCESS", Align::Left), ("OPEN", Align::Right), ("MOST OF THEM", Align::Left)];

fn lines(out: &mut dyn Write, lines: &[String]) -> io::Result<()> {
    writeln!(out)?;
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn answer(report: &LeaksReport<'_>, charset: Charset) -> String {
    let (leaks, thresholds) = (report.leaks, report.thresholds);
    if let Some((pid, sockets)) = report.worst {
        let name = in_sentence(report, pid, charset);
        return format!(
            "{name} has {} open that {} in no table of the kernel: closed and never released, or never used.",
            counted(sockets, "socket"),
            if sockets == 1 { "is" } else { "are" }
        );
    }
    if let Some(open) = leaks.open.first() {
        let (name, sockets) = (in_sentence(report, open.pid, charset), counted(open.sockets, "socket"));
        let others = if report.is_whole() { " Nobody has many that are in no table." } else { "" };
        return format!("{name} has {sockets} open.{others}");
    }
    if !report.is_whole() {
        return format!("No process has {} open.", counted(thresholds.open, "socket"));
    }
    format!(
        "No process has {} open, or {} that {} in no table; {} of sockets in {} looked at.",
        counted(thresholds.open, "socket"),
        grouped(thresholds.leaked),
        if thresholds.leaked == 1 { "is" } else { "are" },
        counted(leaks.scanned.descriptors, "descriptor"),
        count(leaks.scanned.processes, "process"),
    )
}

fn leaked(report: &LeaksReport<'_>, row: &Leaked, charset: Charset) -> [String; 5] {
    let (inode, holder) = row.oldest;
    let note = match row.shared {
        0 => String::new(),
        all if all == row.sockets => "shared with other processes".to_owned(),
        some => format!("{} shared with other processes", grouped(some)),
    };
    [
        name(report, row.pid, charset),
        row.table.to_owned(),
        grouped(row.sockets),
        format!("fd {} (inode {})", holder.fd, inode.get()),
        note,
    ]
}

/// The rows of processes with very many sockets open.
fn open(report: &LeaksReport<'_>, page: Page) -> Vec<[String; 3]> {
    let names =
        report.leaks.open.iter().map(|row| [name(report, row.pid, page.charset), grouped(row.sockets)]);
    let names: Vec<[String; 2]> = names.collect();
    let widest = |column: usize| names.iter().map(|cells| width(&cells[column])).max().unwrap_or(0);
    let room = page.width.map(|all| all.saturating_sub(widest(0) + widest(1).max("OPEN".len()) + 2));
    let rows = names.into_iter().zip(&report.leaks.open);
    let most = |row| if report.is_whole() { most_of_them(row, room) } else { "?".to_owned() };
    rows.map(|([name, sockets], row)| [name, sockets, most(row)]).collect()
}

/// The kinds that most of a process's sockets are of: as many as there is room for.
fn most_of_them(row: &OpenSockets, room: Option<usize>) -> String {
    let kinds = kinds(row);
    let first = |n: usize| {
        let rest: u64 = kinds.iter().skip(n).map(|(sockets, _)| sockets).sum();
        let mut words: Vec<String> =
            kinds.iter().take(n).map(|(sockets, kind)| of_kind(*sockets, *kind)).collect();
        if rest > 0 {
            words.push(format!("{} others", grouped(rest)));
        }
        words.join(", ")
    };
    let fits = |text: &String| room.is_none_or(|room| width(text) <= room);
    (1..=KINDS).rev().map(first).find(fits).unwrap_or_else(|| first(1))
}

fn of_kind(sockets: u64, kind: OpenKind) -> String {
    match kind {
        OpenKind::Listed(protocol, state) => {
            format!("{} {} {}", grouped(sockets), proto(protocol), state_name(state))
        }
        OpenKind::Unlisted => format!("{} in no table that is read", grouped(sockets)),
    }
}

/// What a socket in no table can be, of the protocols that were found.
fn meaning(report: &LeaksReport<'_>) -> String {
    let has = |table: &str| report.leaks.leaked.iter().any(|row| row.table == table);
    let mut text = format!(
        "{} in no table, each counted once, and the same half a second later.",
        count(report.leaks.sockets, "socket")
    );
    let connections: Vec<&str> = ["tcp", "mptcp"].into_iter().filter(|table| has(table)).collect();
    if !connections.is_empty() {
        text += &format!(
            " {}: reset or closed on both sides, perhaps with unread data; or never connected. From outside both look the same.",
            connections.join(", ")
        );
    }
    if has("udp") || has("udplite") {
        text += " udp: bound to no port, or no more.";
    }
    if has("netlink") {
        text += " netlink: never used.";
    }
    text + " The oldest is the one with the lowest inode number; since when it is open, the kernel does not tell."
}

/// What was left out, being too little.
fn below(report: &LeaksReport<'_>) -> Option<String> {
    let Below { sockets, processes, .. } = report.leaks.below;
    let (sockets, of) = (count(sockets, "socket"), count(processes, "process"));
    let text = format!("Too few to be listed: {sockets} in no table, of {of} (--min-leaked 1).");
    (processes > 0).then_some(text)
}

/// What is in no table, and no leak for that.
fn apart(report: &LeaksReport<'_>, charset: Charset) -> Option<String> {
    let (apart, families) = (&report.leaks.apart, &report.families);
    let mut parts = Vec::new();
    let all: u64 = families.iter().map(|(_, sockets)| sockets).sum();
    if all > 0 {
        let mut names: Vec<String> = families
            .iter()
            .take(FAMILIES)
            .map(|(name, sockets)| format!("{} {}", escape(name, charset), grouped(*sockets)))
            .collect();
        if families.len() > FAMILIES {
            names.push("others".to_owned());
        }
        parts.push(format!(
            "{} of families without a table that is read ({})",
            grouped(all),
            names.join(", ")
        ));
    }
    if apart.namespaces > 0 {
        parts.push(format!("{} of network namespaces that could not be asked", grouped(apart.namespaces)));
    }
    if apart.unnamed > 0 {
        parts.push(format!("{} of which nothing tells the protocol", grouped(apart.unnamed)));
    }
    (!parts.is_empty()).then(|| format!("In no table, and no leaks: {}.", enumerate(&parts)))
}

fn name(report: &LeaksReport<'_>, pid: u32, charset: Charset) -> String {
    let comm = report.comm(pid).map_or_else(|| "?".to_owned(), |comm| escape(comm, charset));
    format!("{} {pid}", fit(&comm, NAME, charset))
}

fn in_sentence(report: &LeaksReport<'_>, pid: u32, charset: Charset) -> String {
    let comm = report.comm(pid);
    comm.map_or_else(|| format!("Process {pid}"), |comm| format!("{} ({pid})", escape(comm, charset)))
}

#[cfg(test)]
mod tests {
    use skcheck_core::leaks::{Thresholds, look};
    use skcheck_core::{Live, Protocol, State};

    use super::*;

    #[test]
    fn most_of_them_fit() {
        let _socket = std::os::unix::net::UnixStream::pair().unwrap();
        let all = look(&Live::new(), Thresholds::new(1, 1)).unwrap().again();
        let mut row = all.open.into_iter().next().unwrap();
        row.sockets = 330;
        row.listed = vec![
            (Protocol::UnixStream, State::Close, 30),
            (Protocol::Packet, State::Close, 20),
            (Protocol::Tcp, State::CloseWait, 10),
        ];
        let check = |room: Option<usize>, expected: &str| assert_eq!(most_of_them(&row, room), expected);
        check(None, "270 in no table that is read, 30 u_str UNCONN, 20 packet UNCONN, 10 others");
        check(Some(74), "270 in no table that is read, 30 u_str UNCONN, 20 packet UNCONN, 10 others");
        check(Some(73), "270 in no table that is read, 30 u_str UNCONN, 30 others");
        check(Some(50), "270 in no table that is read, 60 others");
        check(Some(9), "270 in no table that is read, 60 others");
    }
}
