//! Who opens sockets and never releases them, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use skcheck_core::leaks::{Below, Leaked, Leaks, Open, Thresholds};

use crate::output::cells::{proto, state_name};
use crate::output::layout::{Align, grid};
use crate::output::table;
use crate::text::{Charset, Page, count, enumerate, escape, fit, grouped, width, write_paragraph};

/// Columns of a name.
const NAME: usize = 24;

/// How many kinds of open sockets are named, and how many families.
const KINDS: usize = 3;
const FAMILIES: usize = 5;

/// Writes the whole report.
pub(crate) fn write(
    leaks: &Leaks,
    thresholds: Thresholds,
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let paragraph = |out: &mut dyn Write, text: &str| write_paragraph(out, text, 0, page);
    table::write_cut_short(&leaks.gaps, page, out)?;
    paragraph(out, &answer(leaks, thresholds, page.charset))?;
    if !leaks.leaked.is_empty() {
        let headings = [
            ("PROCESS", Align::Left),
            ("PROTO", Align::Left),
            ("IN NO TABLE", Align::Right),
            ("OLDEST AT", Align::Left),
            ("NOTE", Align::Left),
        ];
        let rows: Vec<[String; 5]> =
            leaks.leaked.iter().map(|row| leaked(leaks, row, page.charset)).collect();
        lines(out, &grid(&headings, &rows, page))?;
    }
    if !leaks.open.is_empty() {
        let headings = [("PROCESS", Align::Left), ("OPEN", Align::Right), ("MOST OF THEM", Align::Left)];
        let rows: Vec<[String; 3]> = open(leaks, page);
        lines(out, &grid(&headings, &rows, page))?;
    }
    let meaning = (!leaks.leaked.is_empty()).then(|| meaning(leaks));
    let notes: Vec<String> =
        [meaning, below(leaks), apart(leaks, page.charset)].into_iter().flatten().collect();
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for note in notes {
        paragraph(out, &note)?;
    }
    if !leaks.gaps.is_empty() {
        writeln!(out)?;
    }
    table::gaps(&leaks.gaps, page, out)?;
    if let Some(pid) = leaks.leaked.first().map(|row| row.pid).or(leaks.open.first().map(|row| row.pid)) {
        writeln!(out, "\nNext: skcheck --pid {pid} --all (its sockets one by one)")?;
    }
    Ok(())
}

fn lines(out: &mut dyn Write, lines: &[String]) -> io::Result<()> {
    writeln!(out)?;
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn answer(leaks: &Leaks, thresholds: Thresholds, charset: Charset) -> String {
    let mut by_process: BTreeMap<u32, u64> = BTreeMap::new();
    for row in &leaks.leaked {
        *by_process.entry(row.pid).or_default() += row.sockets;
    }
    let most = by_process.iter().max_by_key(|(pid, sockets)| (**sockets, std::cmp::Reverse(**pid)));
    if let Some((pid, sockets)) = most {
        let name = in_sentence(leaks, *pid, charset);
        return format!(
            "{name} has {} sockets open that are in no table of the kernel: closed and never released, or never used.",
            grouped(*sockets)
        );
    }
    if let Some(open) = leaks.open.first() {
        let name = in_sentence(leaks, open.pid, charset);
        if leaks.again_after.is_none() {
            return format!("{name} has {} sockets open.", grouped(open.sockets));
        }
        return format!(
            "{name} has {} sockets open. Nobody has many that are in no table.",
            grouped(open.sockets)
        );
    }
    if leaks.again_after.is_none() {
        return format!("No process has {} sockets open.", grouped(thresholds.open));
    }
    format!(
        "No process has {} sockets open, or {} that are in no table; {} descriptors of sockets in {} looked at.",
        grouped(thresholds.open),
        grouped(thresholds.leaked),
        grouped(leaks.scanned.descriptors),
        count(leaks.scanned.processes, "process"),
    )
}

fn leaked(leaks: &Leaks, row: &Leaked, charset: Charset) -> [String; 5] {
    let (inode, holder) = row.oldest;
    let note = match row.shared {
        0 => String::new(),
        all if all == row.sockets => "shared with other processes".to_owned(),
        some => format!("{} shared with other processes", grouped(some)),
    };
    [
        name(leaks, row.pid, charset),
        row.protocol.to_owned(),
        grouped(row.sockets),
        format!("fd {} (inode {})", holder.fd, inode.get()),
        note,
    ]
}

/// The rows of processes with very many sockets open.
fn open(leaks: &Leaks, page: Page) -> Vec<[String; 3]> {
    let names = leaks.open.iter().map(|row| [name(leaks, row.pid, page.charset), grouped(row.sockets)]);
    let names: Vec<[String; 2]> = names.collect();
    let widest = |column: usize| names.iter().map(|cells| width(&cells[column])).max().unwrap_or(0);
    let room = page.width.map(|all| all.saturating_sub(widest(0) + widest(1).max("OPEN".len()) + 2));
    let rows = names.into_iter().zip(&leaks.open);
    let most = |row| if leaks.again_after.is_some() { most_of_them(row, room) } else { "?".to_owned() };
    rows.map(|([name, sockets], row)| [name, sockets, most(row)]).collect()
}

/// The kinds that most of a process's sockets are of: as many as there is room for.
fn most_of_them(row: &Open, room: Option<usize>) -> String {
    let listed: u64 = row.listed.iter().map(|(.., sockets)| sockets).sum();
    let unlisted = row.sockets.saturating_sub(listed);
    let mut kinds: Vec<(u64, String)> = row
        .listed
        .iter()
        .map(|(protocol, state, sockets)| {
            (*sockets, format!("{} {} {}", grouped(*sockets), proto(*protocol), state_name(*state)))
        })
        .collect();
    kinds.push((unlisted, format!("{} in no table that is read", grouped(unlisted))));
    kinds.retain(|(sockets, _)| *sockets > 0);
    kinds.sort_by_key(|(sockets, _)| std::cmp::Reverse(*sockets));
    let first = |n: usize| {
        let rest: u64 = kinds.iter().skip(n).map(|(sockets, _)| sockets).sum();
        let mut words: Vec<String> = kinds.iter().take(n).map(|(_, text)| text.clone()).collect();
        if rest > 0 {
            words.push(format!("{} others", grouped(rest)));
        }
        words.join(", ")
    };
    let fits = |text: &String| room.is_none_or(|room| width(text) <= room);
    (1..=KINDS).rev().map(first).find(fits).unwrap_or_else(|| first(1))
}

/// What a socket in no table can be, of the protocols that were found.
fn meaning(leaks: &Leaks) -> String {
    let has = |protocol: &str| leaks.leaked.iter().any(|row| row.protocol == protocol);
    let mut text = format!(
        "{} in no table, each counted once, and the same half a second later.",
        count(leaks.sockets, "socket")
    );
    let connections: Vec<&str> = ["tcp", "mptcp"].into_iter().filter(|protocol| has(protocol)).collect();
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
fn below(leaks: &Leaks) -> Option<String> {
    let Below { sockets, processes, .. } = leaks.below;
    let (sockets, of) = (count(sockets, "socket"), count(processes, "process"));
    let text = format!("Too few to be listed: {sockets} in no table, of {of} (--min-leaked 1).");
    (processes > 0).then_some(text)
}

/// What is in no table, and no leak for that.
fn apart(leaks: &Leaks, charset: Charset) -> Option<String> {
    let apart = &leaks.apart;
    let mut families: Vec<(&Vec<u8>, u64)> =
        apart.families.iter().map(|(name, sockets)| (name, *sockets)).collect();
    families.sort_by_key(|(name, sockets)| (std::cmp::Reverse(*sockets), *name));
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

fn comm(leaks: &Leaks, pid: u32) -> Option<&[u8]> {
    let at = leaks.processes.binary_search_by_key(&pid, |process| process.pid).ok()?;
    leaks.processes.get(at)?.comm.as_deref()
}

fn name(leaks: &Leaks, pid: u32, charset: Charset) -> String {
    let comm = comm(leaks, pid).map_or_else(|| "?".to_owned(), |comm| escape(comm, charset));
    format!("{} {pid}", fit(&comm, NAME, charset))
}

fn in_sentence(leaks: &Leaks, pid: u32, charset: Charset) -> String {
    let comm = comm(leaks, pid);
    comm.map_or_else(|| format!("Process {pid}"), |comm| format!("{} ({pid})", escape(comm, charset)))
}

#[cfg(test)]
mod tests {
    use skcheck_core::leaks::look;
    use skcheck_core::{Live, Protocol, State};

    use super::*;

    #[test]
    fn most_of_them_fit() {
        let _socket = std::os::unix::net::UnixStream::pair().unwrap();
        let all = look(&Live::new(), Thresholds { open: 1, leaked: 1 }).unwrap().again();
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
