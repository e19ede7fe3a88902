//! Scans with an engine that exists in a test alone: what it walks, and what becomes of a report when
//! it does not.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use skcheck_core::engine::{
    Counters, Engine, Found, Limits, Packet, PageKind, Pass, Piece, Queue, QueueEnd, Step, Target,
};
use skcheck_core::{
    Blocks, Bytes, Holder, Inode, Missing, NotMeasured, Payload, Place, Protocols, Query, Snapshot,
    SocketName, Truesize, scan_with,
};

use crate::support::made_up::{Answer, MadeUp};
use crate::support::messages::{Inet, SKMEMINFO, done, words};
use crate::support::scan::get;

/// An engine that finds nothing beyond the tables, and walks these packets.
#[derive(Default)]
pub(crate) struct Canned {
    /// By cookie: the blocks that the packets of a receive queue lie in, a packet each.
    queues: BTreeMap<u64, Vec<u64>>,
    /// Not all targets are looked for.
    out_of_time: bool,
    fails: bool,
    /// The cookies of the targets, in their order.
    asked: Mutex<Vec<u64>>,
}

impl Canned {
    pub(crate) fn walking(queues: &[(u64, &[u64])]) -> Canned {
        let queues = queues.iter().map(|(cookie, blocks)| (*cookie, blocks.to_vec())).collect();
        Canned { queues, ..Canned::default() }
    }
}

fn packet(block: u64) -> Packet {
    let piece = |block, order, kind| {
        let mut piece = Piece::new(block, order, kind);
        piece.len = 1;
        piece
    };
    let mut packet = Packet::new(Queue::Receive, block, piece(0, 0, PageKind::Slab));
    (packet.len, packet.truesize) = (Payload(1), Truesize(1000));
    packet.fragments = vec![piece(block, 3, PageKind::Stack)];
    packet
}

/// All that it is asked for have cookies.
fn cookie(target: &Target<'_>) -> u64 {
    match target.name {
        SocketName::Cookie(cookie) => cookie.0,
        name => panic!("{name:?}"),
    }
}

impl Engine for Canned {
    fn name(&self) -> &'static str {
        "canned"
    }

    fn find(&self, _: &Query, _: &mut dyn FnMut(Found)) -> io::Result<Pass> {
        Ok(Pass::default())
    }

    fn holders(&self, _: &[Inode], _: &mut dyn FnMut(Inode, Holder)) -> io::Result<()> {
        Ok(())
    }

    fn walk(
        &self,
        targets: &[Target<'_>],
        _: &Limits,
        on_step: &mut dyn FnMut(usize, Step<'_>),
    ) -> io::Result<bool> {
        let mut asked = self.asked.lock().expect("no test panics with it");
        asked.extend(targets.iter().map(|target| cookie(target)));
        for (at, target) in targets.iter().enumerate() {
            let Some(blocks) = self.queues.get(&cookie(target)) else { continue };
            blocks.iter().for_each(|block| on_step(at, Step::Packet(&packet(*block))));
            let mut end = QueueEnd::new(Queue::Receive);
            (end.complete, end.steady) = (true, true);
            on_step(at, Step::QueueEnd(end));
            let charged = blocks.len() as u64 * 1000;
            let recv_q = blocks.len() as u64;
            let mut counters = Counters::default();
            (counters.rmem_alloc, counters.recv_q) = (Truesize(charged), recv_q);
            on_step(at, Step::End(&counters));
        }
        if self.fails { Err(io::Error::other("broken")) } else { Ok(!self.out_of_time) }
    }
}

/// Scans sockets of (number, packets of 1000 bytes of truesize and one of payload).
fn scan(sockets: &'static [(u16, u32)], engine: &Canned) -> Snapshot {
    let host = MadeUp::new().kernel(move |request| {
        let socket = |&(number, packets): &(u16, u32)| {
            let memory = words(&[packets * 1000, 0, 0, 0, 0, 0, 0, 0, 0]);
            Inet::numbered(number).recv_q(packets).with(SKMEMINFO, &memory).dumped(request.sequence)
        };
        let datagrams = sockets.iter().map(socket).chain([done(request.sequence, 0)]);
        request.is_tcp4().then(|| Answer::of(datagrams))
    });
    let mut query = Query::of(Protocols::TCP);
    query.include_idle = true;
    scan_with(&host, &query, Some(engine), &Limits::default()).expect("it answers")
}

fn exact(snapshot: &Snapshot, number: u32) -> Result<(u64, u64), NotMeasured> {
    let report = get(snapshot, Inode::new(number).expect("not 0"));
    report.exact.as_ref().map(|exact| (exact.pinned.0, exact.pinned_shared.0)).map_err(|why| *why)
}

#[test]
fn the_heaviest_are_walked_first_and_shared_blocks_count_once() {
    let engine = Canned::walking(&[(1, &[10]), (2, &[10, 11, 12])]);
    let snapshot = scan(&[(1, 1), (2, 3), (3, 0)], &engine);
    assert_eq!(*engine.asked.lock().expect("no panic"), [2, 1], "what is empty is not walked");
    assert_eq!(exact(&snapshot, 1), Ok((32768, 32768)));
    assert_eq!(exact(&snapshot, 2), Ok((3 * 32768, 32768)));
    assert_eq!(exact(&snapshot, 3), Err(NotMeasured::Empty));
    assert_eq!(snapshot.blocks().collect::<Vec<_>>(), [Blocks::new(3, 3)]);
    let totals = snapshot.totals();
    assert_eq!((totals.pinned, totals.measured), (Some(Bytes(3 * 32768)), 2));
    assert_eq!(snapshot.engine, Some("canned"));
}

#[test]
fn a_socket_that_is_not_met_has_vanished_or_there_was_no_time() {
    let sockets: &[(u16, u32)] = &[(1, 1), (2, 2)];
    let mut engine = Canned::walking(&[(2, &[10, 11])]);
    let snapshot = scan(sockets, &engine);
    assert_eq!(exact(&snapshot, 1), Err(NotMeasured::Vanished));
    engine.out_of_time = true;
    let snapshot = scan(sockets, &engine);
    assert_eq!(exact(&snapshot, 1), Err(NotMeasured::NoTime));
    assert_eq!(exact(&snapshot, 2), Ok((2 * 32768, 0)));
}

#[test]
fn what_was_walked_before_a_failure_stands() {
    let engine = Canned { fails: true, ..Canned::walking(&[(2, &[10])]) };
    let snapshot = scan(&[(1, 3), (2, 1)], &engine);
    assert_eq!(exact(&snapshot, 2), Ok((32768, 0)));
    assert_eq!(exact(&snapshot, 1), Err(NotMeasured::Refused));
    let gap = snapshot.gaps.iter().find(|gap| gap.what == Missing::Engine).expect("it is told");
    assert!(gap.remedy.contains("broken") && gap.place == Place::Engine("canned"), "{gap:?}");
}

#[test]
fn sums_over_packets_are_those_of_the_record() {
    let engine = Canned::walking(&[(1, &[10, 11]), (2, &[12])]);
    let snapshot = scan(&[(1, 2), (2, 3)], &engine);
    let agreement = |number| {
        let report = get(&snapshot, Inode::new(number).expect("not 0"));
        report.exact.as_ref().map(|exact| exact.agreement(&report.socket).name())
    };
    assert_eq!(agreement(1), Ok("same"));
    assert_eq!(agreement(2), Ok("moved"), "two packets were read between the looks");
}
