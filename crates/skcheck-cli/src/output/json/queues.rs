//! Recv-Q and Send-Q as `ss` prints them, and what they count.

use serde::Serialize;
use skcheck_core::{RecvQueue, SendQueue, Socket};

/// Both queues; flattened into a socket.
#[derive(Serialize)]
pub(super) struct QueuesJson {
    recv_q: Option<u64>,
    recv_q_unit: Option<&'static str>,
    send_q: Option<u64>,
    send_q_unit: Option<&'static str>,
}

impl QueuesJson {
    pub(super) fn new(socket: &Socket) -> QueuesJson {
        let (recv_q, recv_q_unit) = recv_q(socket.recv_q);
        let (send_q, send_q_unit) = send_q(socket.send_q);
        QueuesJson { recv_q, recv_q_unit, send_q, send_q_unit }
    }
}

fn recv_q(queue: RecvQueue) -> (Option<u64>, Option<&'static str>) {
    let unit = match queue {
        RecvQueue::Payload(_) => "payload",
        RecvQueue::Truesize(_) => "truesize",
        RecvQueue::Connections(waiting) => return (Some(waiting.0.into()), Some("connections")),
        RecvQueue::FirstDatagram(_) => "first_datagram",
        _ => return (None, None),
    };
    (queue.size(), Some(unit))
}

fn send_q(queue: SendQueue) -> (Option<u64>, Option<&'static str>) {
    let unit = match queue {
        SendQueue::Payload(_) => "payload",
        SendQueue::Truesize(_) => "truesize",
        SendQueue::BacklogLimit(limit) => return (Some(limit.0.into()), Some("backlog_limit")),
        _ => return (None, None),
    };
    (queue.size(), Some(unit))
}
