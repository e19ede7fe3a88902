//! What was measured of a socket.

use serde::Serialize;
use skcheck_core::{Agreement, Blocks, Direction, Exact, HandedIn, NotMeasured, QueueExact, Socket};

/// What was measured; flattened into a socket. All of it `null` where it was not.
#[derive(Debug, Default, Serialize)]
pub(super) struct ExactJson {
    pinned: Option<u64>,
    send_pinned: Option<u64>,
    pinned_shared: Option<u64>,
    pinned_is_floor: Option<bool>,
    charged_elsewhere: Option<u64>,
    send_charged_elsewhere: Option<u64>,
    not_measured: Option<&'static str>,
    exact: Option<Vec<QueueJson>>,
    exact_agrees: Option<bool>,
    exact_agreement: Option<&'static str>,
    handed_in: Option<Vec<HandedInJson>>,
    slab: Option<u64>,
    send_slab: Option<u64>,
    not_counted: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct BlocksJson {
    order: u8,
    blocks: u64,
}

#[derive(Debug, Serialize)]
struct QueueJson {
    queue: &'static str,
    packets: u64,
    bytes: u64,
    truesize: u64,
    fragments: u64,
    pages: Vec<BlocksJson>,
    complete: bool,
    approximate: bool,
}

#[derive(Debug, Serialize)]
struct HandedInJson {
    kind: &'static str,
    bytes: u64,
}

impl ExactJson {
    pub(super) fn new(measured: Result<&Exact, NotMeasured>, socket: &Socket) -> ExactJson {
        let exact = match measured {
            Ok(exact) => exact,
            Err(why) => return ExactJson { not_measured: Some(why.name()), ..ExactJson::default() },
        };
        let agreement = exact.agreement(socket);
        let [elsewhere, send_elsewhere] =
            Direction::BOTH.map(|direction| exact.elsewhere(socket, direction).0);
        let [is_found, is_send_found] = Direction::BOTH.map(|direction| exact.is_found(socket, direction));
        ExactJson {
            pinned: is_found.then_some(exact.pinned.0),
            send_pinned: is_send_found.then_some(exact.send_pinned.0),
            pinned_is_floor: Some(!exact.is_whole(socket)),
            charged_elsewhere: Some(elsewhere),
            send_charged_elsewhere: Some(send_elsewhere),
            pinned_shared: Some(exact.pinned_shared.0),
            not_measured: None,
            exact: Some(exact.queues.iter().map(QueueJson::new).collect()),
            exact_agrees: (agreement != Agreement::Unknown).then_some(agreement == Agreement::Same),
            exact_agreement: Some(agreement.name()),
            handed_in: Some(exact.handed_in.iter().map(HandedInJson::new).collect()),
            slab: Some(exact.slab.0),
            send_slab: Some(exact.send_slab.0),
            not_counted: Some(exact.not_counted),
        }
    }

    /// Where only one socket was looked at, nothing tells what it shares.
    pub(super) fn alone(mut self) -> ExactJson {
        self.pinned_shared = None;
        self
    }
}

impl BlocksJson {
    pub(super) fn new(blocks: &Blocks) -> BlocksJson {
        BlocksJson { order: blocks.order, blocks: blocks.blocks }
    }
}

impl QueueJson {
    fn new(queue: &QueueExact) -> QueueJson {
        QueueJson {
            queue: queue.queue.name(),
            packets: queue.packets,
            bytes: queue.bytes.0,
            truesize: queue.truesize.0,
            fragments: queue.fragments,
            pages: queue.pages.iter().map(BlocksJson::new).collect(),
            complete: queue.complete,
            approximate: queue.approximate,
        }
    }
}

impl HandedInJson {
    fn new(handed_in: &HandedIn) -> HandedInJson {
        HandedInJson { kind: handed_in.kind.name(), bytes: handed_in.bytes.0 }
    }
}
