//! The packets of one socket, for people: the answer, what became of them, then each of them.

mod again;

use std::io::{self, Write};

use skcheck_core::engine::{Limits, Packet, PageKind, Piece, Queue};
use skcheck_core::packets::Listing;
use skcheck_core::{Agreement, Blocks, Exact, Footprint, Holder, HostFacts, PageSize, Protocol, QueueExact};

use crate::output::cells::{proto, state_name};
use crate::output::layout::{Align, grid};
use crate::output::measured::{pinned_in, whose_pages};
use crate::output::names::endpoint_of;
use crate::output::{rings, room};
use crate::text::{Charset, Page, capitalised, count, escape, size, write_paragraph};

pub(crate) use crate::output::packets::again::Again;

/// How many of the last packets are shown where the middle is cut out.
const LAST: usize = 3;

/// How many fragments of a packet are shown where there is a limit at all.
const FRAGMENTS: usize = 3;

/// One look at the packets of a socket.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) holder: Holder,
    pub(crate) comm: Option<Vec<u8>>,
    pub(crate) listing: Listing,
    pub(crate) exact: Exact,
    /// What its queues hold, as a scan reports it.
    pub(crate) footprint: Footprint,
    /// The distinct blocks of pages of both sides, the largest part first.
    pub(crate) blocks: Vec<Blocks>,
    page_size: PageSize,
    /// No more than so many packets were asked for.
    is_limited: bool,
}

impl Look {
    /// Sums up a listing of no more packets than `limits` says.
    pub(crate) fn new(
        holder: Holder,
        comm: Option<Vec<u8>>,
        listing: Listing,
        page_size: PageSize,
        limits: &Limits,
    ) -> Look {
        let (exact, mut blocks) = listing.sums(page_size);
        blocks.sort_by_key(|blocks| std::cmp::Reverse(blocks.bytes(page_size).0));
        let is_limited = limits.packets != u32::MAX;
        let footprint = listing.footprint(&exact, &HostFacts::assumed(page_size));
        Look { holder, comm, listing, exact, footprint, blocks, page_size, is_limited }
    }

    /// Whether every packet was walked.
    fn mark(&self, charset: Charset) -> &'static str {
        match (self.exact.is_whole(&self.listing.socket), self.exact.is_approximate()) {
            (false, _) => charset.at_least(),
            (true, true) => charset.about(),
            (true, false) => "",
        }
    }
}

/// Who holds what, and what that pins.
pub(crate) fn write_answer(look: &Look, page: Page, out: &mut dyn Write) -> io::Result<()> {
    for line in answer(look, page.charset) {
        write_paragraph(out, &line, 0, page)?;
    }
    Ok(())
}

/// What became of the packets, and each of them.
pub(crate) fn write_packets(
    look: &Look,
    again: Option<&Again>,
    top: Option<usize>,
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Some(again) = again {
        write_paragraph(
            out,
            &again::became(again, look.exact.elsewhere(&look.listing.socket, false).0 > 0),
            0,
            page,
        )?;
    }
    for queue in look.exact.queues.iter().filter(|queue| queue.packets > 0 || !queue.complete) {
        writeln!(out)?;
        write_paragraph(out, &about_queue(queue, page.charset), 0, page)?;
        if queue.packets > 0 {
            write_queue(look, queue.queue, top, page, out)?;
        }
    }
    Ok(())
}

fn answer(look: &Look, charset: Charset) -> Vec<String> {
    let Holder { pid, fd, .. } = look.holder;
    let name = look.comm.as_deref().map_or_else(|| "process".to_owned(), |comm| escape(comm, charset));
    let socket = &look.listing.socket;
    let packets = look.exact.queues.iter().map(|queue| queue.packets).fold(0, u64::saturating_add);
    let mark = look.mark(charset);
    let elsewhere = elsewhere(look);
    let mut lines = Vec::new();
    if packets > 0 {
        let truesize = look.exact.queues.iter().map(|queue| queue.truesize.0).fold(0, u64::saturating_add);
        lines.push(format!(
            "{name} ({pid}) holds {mark}{} at fd {fd}: {}, {mark}{} of truesize.",
            count(packets, "packet"),
            held(look, charset).join(", "),
            size(truesize)
        ));
        lines.push(pinned(look, charset));
    } else if elsewhere.is_empty() {
        lines.push(format!("{name} ({pid}) holds no packets at fd {fd}: its queues are empty."));
    } else {
        lines.push(format!("{name} ({pid}) holds no packets at fd {fd} in queues of its own."));
    }
    let is_all_elsewhere = packets == 0 && !elsewhere.is_empty();
    lines.extend(elsewhere);
    lines.extend(rings::sentence(look.listing.counters.ring));
    let text = |end| endpoint_of(end, socket, None, charset);
    let ends = [text(&socket.local), text(&socket.peer)];
    let ends: Vec<&str> = ends.iter().map(String::as_str).filter(|end| !end.is_empty()).collect();
    lines.push(format!("{} {} {}", proto(socket.protocol), state_name(socket.state), ends.join(" > ")));
    lines.extend(room::clause(socket).map(|clause| format!("{}.", capitalised(&clause))));
    if !look.exact.is_complete() {
        let remedy = if look.is_limited { "--limit 0 goes on" } else { "that is as far as a walk goes" };
        lines.push(format!("{} not all packets were walked: {remedy}.", charset.at_least()));
    } else if look.exact.is_approximate() && !is_all_elsewhere {
        lines.push(format!("{} the queue changed while it was walked.", charset.about()));
    }
    if look.exact.agreement(socket) == Agreement::Differs {
        lines.push("Their sums are not what the kernel accounts for (--format json shows both).".to_owned());
    }
    lines
}

/// What its queues hold, each kind by its name.
fn held(look: &Look, charset: Charset) -> Vec<String> {
    let queues = |is_of: fn(Queue) -> bool| look.exact.queues.iter().filter(move |queue| is_of(queue.queue));
    let bytes = |is_of| queues(is_of).map(|queue| queue.bytes.0).fold(0, u64::saturating_add);
    let packets = |is_of| queues(is_of).map(|queue| queue.packets).fold(0, u64::saturating_add);
    let mark = |is_of| if queues(is_of).all(|queue| queue.complete) { "" } else { charset.at_least() };
    let mut parts = Vec::new();
    if packets(Queue::is_data_to_read) > 0 {
        parts.push(match look.footprint.received.payload {
            Some(unread) => format!("{} unread", size(unread.0)),
            None => format!("{}{} unread", look.mark(charset), size(look.exact.unread().0)),
        });
    }
    if packets(Queue::is_sending) > 0 {
        let is_of = Queue::is_sending;
        let is_tcp = look.listing.socket.protocol == Protocol::Tcp;
        let what = if is_tcp { "that the peer has not taken" } else { "not sent yet" };
        parts.push(format!("{}{} {what}", mark(is_of), size(bytes(is_of))));
    }
    match look.exact.counters.errors {
        0 => {}
        errors => parts.push(format!("{} in the error queue never fetched", count(errors, "packet"))),
    }
    parts
}

/// What it is charged for that lies in no queue of its own.
fn elsewhere(look: &Look) -> Vec<String> {
    let socket = &look.listing.socket;
    let [received, sent] = [false, true].map(|sending| look.exact.elsewhere(socket, sending).0);
    let mut lines = Vec::new();
    if received > 0 {
        lines.push(format!(
            "It is charged {} for received packets that are in no queue of its own: a sockmap program can have taken \
             them (bpftool map shows sockmaps).",
            size(received)
        ));
    }
    if sent > 0 {
        lines.push(format!(
            "It is charged {} for sent packets that are on their way to a device (tc -s qdisc shows how many wait).",
            size(sent)
        ));
    }
    let of_peer = look.footprint.sent.charged.filter(|charge| charge.0 > 0 && socket.protocol.is_unix());
    lines.extend(of_peer.map(|charge| {
        format!("What it has sent waits in the queue of its peer: it is charged {} for that.", size(charge.0))
    }));
    lines
}

fn pinned(look: &Look, charset: Charset) -> String {
    let what = pinned_in(&look.blocks, look.exact.slab.0, look.page_size);
    let mut line = format!("They pin {}{what}", look.mark(charset));
    if let Some(pages) = whose_pages(&look.exact) {
        line += &format!(", among them {pages}");
    }
    line + "."
}

fn about_queue(queue: &QueueExact, charset: Charset) -> String {
    let name = match queue.queue {
        Queue::Receive => "Receive queue",
        Queue::OutOfOrder => "Out-of-order queue",
        Queue::Backlog => "Backlog",
        Queue::Error => "Error queue",
        Queue::Write => "Write queue",
        Queue::Retransmit => "Retransmit queue",
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

fn write_queue(
    look: &Look,
    queue: Queue,
    top: Option<usize>,
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let packets = numbered(look.listing.of_queue(queue));
    let last = packets.iter().map(|(number, _)| *number).max().unwrap_or(0);
    let cut = top.map(|top| (top, last.saturating_sub(LAST))).filter(|(top, tail)| top < tail);
    let is_shown = |number: usize| cut.is_none_or(|(top, tail)| number <= top || number > tail);
    let mut rows = Vec::new();
    let mut first_of_tail = None;
    for (number, packet) in packets.iter().filter(|(number, _)| is_shown(*number)) {
        if cut.is_some_and(|(top, _)| *number > top) {
            first_of_tail.get_or_insert(rows.len());
        }
        rows.extend(rows_of(*number, packet, top.is_some()));
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

/// A row for the packet with its head, and one for each fragment.
fn rows_of(number: usize, packet: &Packet, limited: bool) -> Vec<[String; 8]> {
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
    let shown =
        if limited && packet.fragments.len() > FRAGMENTS + 1 { FRAGMENTS } else { packet.fragments.len() };
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
    let more = packet.fragments.len() - shown;
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
