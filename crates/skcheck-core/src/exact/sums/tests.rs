use super::*;
use crate::model::direction::Direction;

const PAGE: PageSize = PageSize(4096);

fn piece(block: u64, order: u8, kind: PageKind, len: u32) -> Piece {
    Piece { block, order, kind, offset: 0, len }
}

/// A packet of one byte with its head in a slab, and with these blocks of eight pages as fragments.
fn packet(queue: Queue, blocks: &[u64]) -> Packet {
    Packet {
        queue,
        is_part: false,
        in_options: false,
        id: 0,
        stamp: 0,
        len: Payload(1),
        truesize: Truesize(768),
        head: 0,
        head_piece: piece(0, 0, PageKind::Slab, 512),
        fragments: blocks.iter().map(|&block| piece(block, 3, PageKind::Stack, 1)).collect(),
    }
}

fn end(queue: Queue) -> QueueEnd {
    QueueEnd { queue, complete: true, steady: true }
}

/// Walks one socket: these packets, then the end of each of their queues.
fn walk(summing: &mut Summing, target: usize, packets: &[Packet]) {
    for queue in Queue::ALL {
        let of_queue: Vec<&Packet> = packets.iter().filter(|packet| packet.queue == queue).collect();
        of_queue.iter().for_each(|packet| summing.step(target, Step::Packet(packet)));
        summing.step(target, Step::QueueEnd(end(queue)));
    }
    summing.step(target, Step::End(&Counters::default()));
}

fn sums(packets: &[Packet]) -> Exact {
    let mut summing = Summing::new(PAGE);
    walk(&mut summing, 0, packets);
    summing.finish().sockets.remove(&0).unwrap()
}

#[test]
fn a_block_counts_once_however_many_pieces_lie_in_it() {
    let exact = sums(&[
        packet(Queue::Receive, &[1, 1, 2]),
        packet(Queue::Receive, &[2]),
        packet(Queue::OutOfOrder, &[2, 3]),
        packet(Queue::Retransmit, &[3]),
    ]);
    let receive = exact.queue(Queue::Receive).unwrap();
    assert_eq!((receive.packets, receive.fragments), (2, 4));
    assert_eq!((receive.bytes, receive.truesize), (Payload(2), Truesize(1536)));
    assert_eq!(receive.pages, [Blocks { order: 3, blocks: 2 }]);
    assert_eq!(exact.pinned, Bytes(3 * 32768), "block 2 is in two queues of one side");
    assert_eq!(exact.send_pinned, Bytes(32768));
    assert_eq!(exact.slab, Bytes(4 * 512));
    assert_eq!(exact.unread(), Payload(2), "what is out of order cannot be read");
    assert_eq!(
        Direction::BOTH.map(|direction| exact.truesize(direction)),
        [Truesize(3 * 768), Truesize(768)]
    );
    assert_eq!(exact.pinned_shared, Bytes(0), "with itself a socket shares nothing");
    assert!(exact.is_complete() && !exact.is_approximate());
}

#[test]
fn a_block_of_two_sockets_counts_once_on_the_host() {
    let mut summing = Summing::new(PAGE);
    walk(&mut summing, 0, &[packet(Queue::Receive, &[1, 2])]);
    walk(&mut summing, 1, &[packet(Queue::Receive, &[2])]);
    walk(&mut summing, 2, &[packet(Queue::Write, &[2, 3])]);
    let walked = summing.finish();
    let numbers = |target: usize| {
        let exact = &walked.sockets[&target];
        (exact.pinned.0 / 32768, exact.send_pinned.0 / 32768, exact.pinned_shared.0 / 32768)
    };
    assert_eq!([numbers(0), numbers(1), numbers(2)], [(2, 0, 1), (1, 0, 1), (0, 2, 1)]);
    assert_eq!(walked.pages, [(PageKind::Stack, Blocks { order: 3, blocks: 3 })]);
}

#[test]
fn blocks_of_all_sizes_are_counted_apart() {
    let mut large = packet(Queue::Receive, &[1]);
    large.head_piece = piece(9, 2, PageKind::Large, 16384);
    large.fragments.push(piece(10, 9, PageKind::Anonymous, 1));
    let exact = sums(&[large]);
    let blocks = |order, blocks| Blocks { order, blocks };
    assert_eq!(exact.queues[0].pages, [blocks(2, 1), blocks(3, 1), blocks(9, 1)]);
    assert_eq!(exact.pinned, Bytes(16384 + 32768 + (2 << 20)));
    assert_eq!(exact.slab, Bytes(0));
}

/// Of the first walk nothing is left, whichever queues it had come to.
#[test]
fn what_is_walked_anew_is_forgotten() {
    let mut summing = Summing::new(PAGE);
    summing.step(0, Step::Packet(&packet(Queue::Error, &[3])));
    summing.step(0, Step::Packet(&packet(Queue::Receive, &[1, 2])));
    summing.step(0, Step::QueueEnd(QueueEnd { complete: false, ..end(Queue::Receive) }));
    summing.step(0, Step::Anew);
    summing.step(0, Step::Packet(&packet(Queue::Error, &[3])));
    summing.step(0, Step::Packet(&packet(Queue::Receive, &[4])));
    summing.step(0, Step::Packet(&packet(Queue::Receive, &[2])));
    summing.step(0, Step::QueueEnd(end(Queue::Receive)));
    summing.step(0, Step::QueueEnd(end(Queue::Error)));
    summing.step(0, Step::End(&Counters::default()));
    let walked = summing.finish();
    let exact = &walked.sockets[&0];
    assert_eq!(exact.queue(Queue::Receive).unwrap().packets, 2);
    assert_eq!(exact.queue(Queue::Error).unwrap().packets, 1);
    assert!(exact.is_complete());
    assert_eq!(exact.pinned, Bytes(3 * 32768));
    assert_eq!(walked.pages, [(PageKind::Stack, Blocks { order: 3, blocks: 3 })]);
}

#[test]
fn a_walk_that_was_cut_short_says_so() {
    let mut summing = Summing::new(PAGE);
    summing.step(0, Step::Packet(&packet(Queue::Receive, &[1])));
    summing.step(0, Step::QueueEnd(QueueEnd { complete: false, ..end(Queue::Receive) }));
    summing.step(0, Step::QueueEnd(QueueEnd { complete: false, ..end(Queue::Error) }));
    summing.step(0, Step::End(&Counters::default()));
    // Another socket's end never comes.
    summing.step(1, Step::Packet(&packet(Queue::Receive, &[7])));
    let walked = summing.finish();
    let exact = &walked.sockets[&0];
    assert!(!exact.is_complete());
    assert_eq!(exact.queues.len(), 2, "a queue of which nothing was walked is there too");
    assert!(!walked.sockets.contains_key(&1));
    assert_eq!(walked.pages, [(PageKind::Stack, Blocks { order: 3, blocks: 1 })]);
}

#[test]
fn a_queue_that_is_two_lists_is_steady_if_both_were() {
    let mut summing = Summing::new(PAGE);
    summing.step(0, Step::Packet(&packet(Queue::Receive, &[1])));
    summing.step(0, Step::QueueEnd(QueueEnd { steady: false, ..end(Queue::Receive) }));
    summing.step(0, Step::Packet(&packet(Queue::Receive, &[2])));
    summing.step(0, Step::QueueEnd(end(Queue::Receive)));
    summing.step(0, Step::End(&Counters::default()));
    let exact = summing.finish().sockets.remove(&0).unwrap();
    assert!(exact.is_complete() && exact.is_approximate());
    assert_eq!(exact.queues[0].packets, 2);
}

#[test]
fn pages_that_a_program_handed_in_are_told_by_kind() {
    let mut handed = packet(Queue::Receive, &[1]);
    handed.fragments.push(piece(2, 0, PageKind::RemovedFile, 1));
    handed.fragments.push(piece(2, 0, PageKind::RemovedFile, 1));
    handed.fragments.push(piece(3, 9, PageKind::RemovedFile, 1));
    let mut sent = packet(Queue::Write, &[]);
    sent.fragments.push(piece(4, 0, PageKind::Anonymous, 1));
    let exact = sums(&[handed, sent]);
    let expected = [
        HandedIn { kind: PageKind::RemovedFile, bytes: Bytes(4096 + (2 << 20)) },
        HandedIn { kind: PageKind::Anonymous, bytes: Bytes(4096) },
    ];
    assert_eq!(exact.handed_in, expected);
}

#[test]
fn what_is_no_page_is_not_counted_and_told() {
    let mut strange = packet(Queue::Receive, &[]);
    strange.head_piece = piece(1, 0, PageKind::Unknown, 512);
    strange.fragments.push(piece(2, 0, PageKind::Device, 1));
    let exact = sums(&[strange]);
    assert_eq!((exact.not_counted, exact.pinned, exact.slab), (2, Bytes(0), Bytes(0)));
}

#[test]
fn a_part_of_a_packet_adds_pages_and_no_packet() {
    let part = Packet { is_part: true, ..packet(Queue::Receive, &[2]) };
    let exact = sums(&[packet(Queue::Receive, &[1]), part]);
    let receive = exact.queue(Queue::Receive).unwrap();
    assert_eq!((receive.packets, receive.bytes, receive.truesize), (1, Payload(1), Truesize(768)));
    assert_eq!((receive.fragments, exact.pinned), (2, Bytes(2 * 32768)));
}
