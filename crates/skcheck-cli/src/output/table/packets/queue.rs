//! A queue, packet by packet.

use std::io::{self, Write};

use skcheck_core::QueueExact;
use skcheck_core::engine::{Packet, PageKind, Piece, Queue};
use skcheck_core::packets::Listing;

use crate::output::table::grid::{Align, grid};
use crate::text::{Charset, Page, count, size};

/// How many of the last packets are shown where the middle is cut out.
const LAST: usize = 3;

/// How many fragments of a packet are shown where there is a limit at all.
const FRAGMENTS: usize = 3;

/// What is in a queue on the whole.
pub(super) fn about_queue(queue: &QueueExact, charset: Charset) -> String {
    let name = match queue.queue {
        Queue::Receive => "Receive queue",
        Queue::OutOfOrder => "Out-of-order queue",
        Queue::Backlog => "Backlog",
        Queue::Error => "Error queue",
        Queue::Write => "Write queue",
        Queue::Retransmit => "Retransmit queue",
        other => other.name(),
    };
    let mark = if queue.complete { "" } else { charset.at_least() };
    format!(
        "{name}: {mark}{}, {mark}{}, {mark}{} of truesize, {mark}{}",
        count(queue.packets, "packet"),
        size(queue.bytes.0),
        size(queue.truesize.0),
        count(queue.fragments, "fragment")
    )
}
const HEADINGS: [(&str, Align); 8] = [
    ("#", Align::Right),
    ("LENGTH", Align::Right),
    ("TRUESIZE", Align::Right),
    ("PIECE", Align::Left),
    ("ADDRESS", Align::Left),
    ("IN", Align::Left),
    ("OFFSET", Align::Right),
    ("BYTES", Align::Right),
];

/// Writes its packets: the first, and the last few.
pub(super) fn write_queue(
    listing: &Listing,
    queue: Queue,
    top: Option<usize>,
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let packets = numbered(listing.of_queue(queue));
    let last = packets.iter().map(|(number, _)| *number).max().unwrap_or(0);
    let cut = top.map(|top| (top, last.saturating_sub(LAST))).filter(|(top, tail)| top < tail);
    let is_shown = |number: usize| cut.is_none_or(|(top, tail)| number <= top || number > tail);
    let mut rows = Vec::new();
    let mut first_of_tail = None;
    for (number, packet) in packets.iter().filter(|(number, _)| is_shown(*number)) {
        if cut.is_some_and(|(top, _)| *number > top) {
            first_of_tail.get_or_insert(rows.len());
        }
        rows.extend(rows_of(*number, packet, top.map(|_| FRAGMENTS)));
    }
    let lines = grid(&HEADINGS, &rows, page);
    for (at, line) in lines.iter().enumerate() {
        // The first line is the headings.
        if first_of_tail.is_some_and(|first| first + 1 == at)
            && let Some((top, tail)) = cut
        {
            writeln!(out, "{} more (--top 0 shows all)", tail - top)?;
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Packets with their numbers from 1 on; a part has that of its packet.
fn numbered<'a>(packets: impl Iterator<Item = &'a Packet>) -> Vec<(usize, &'a Packet)> {
    let mut number = 0;
    let next = |packet: &'a Packet| {
        number += usize::from(!packet.is_part);
        (number, packet)
    };
    packets.map(next).collect()
}

/// A row for the packet with its head, and one for each fragment, or for `most` of them.
fn rows_of(number: usize, packet: &Packet, most: Option<usize>) -> Vec<[String; 8]> {
    let own = |text: String| if packet.is_part { String::new() } else { text };
    let head = &packet.head_piece;
    let mut rows = vec![[
        own(number.to_string()),
        own(size(packet.len.0)),
        own(size(packet.truesize.0)),
        if packet.is_part { "part" } else { "head" }.to_owned(),
        format!("{:x}", packet.head),
        place(head),
        String::new(),
        size(head.len.into()),
    ]];
    let all = packet.fragments.len();
    let shown = most.filter(|most| all > most + 1).unwrap_or(all);
    for piece in packet.fragments.iter().take(shown) {
        let mut row = <[String; 8]>::default();
        row[3..].clone_from_slice(&[
            "page".to_owned(),
            format!("{:x}", piece.block),
            place(piece),
            piece.offset.to_string(),
            size(piece.len.into()),
        ]);
        rows.push(row);
    }
    let more = all - shown;
    if more > 0 {
        let mut row = <[String; 8]>::default();
        row[4] = format!("and {more} more");
        rows.push(row);
    }
    rows
}

/// What a piece lies in.
fn place(piece: &Piece) -> String {
    let order = piece.order;
    match piece.kind {
        PageKind::Slab => "slab".to_owned(),
        PageKind::Device => "device memory".to_owned(),
        PageKind::Unknown => "not understood".to_owned(),
        PageKind::RemovedFile => format!("order {order}, removed file"),
        PageKind::Anonymous => format!("order {order}, a process's"),
        kind => format!("order {order}, {}", kind.name()),
    }
}
