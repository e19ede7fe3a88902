//! What an MPTCP socket is made of.

use serde::Serialize;
use skcheck_core::{Footprint, HostFacts, Socket};

use crate::output::json::endpoint::EndpointJson;
use crate::output::json::queues::QueuesJson;
use crate::output::json::skmem::SkMemJson;

/// A TCP connection that carries an MPTCP socket.
#[derive(Serialize)]
pub(super) struct SubflowJson<'a> {
    state: &'static str,
    cookie: Option<String>,
    interface_index: Option<u32>,
    local: Option<EndpointJson<'a>>,
    peer: Option<EndpointJson<'a>>,
    #[serde(flatten)]
    queues: QueuesJson,
    unread: Option<u64>,
    unsent: Option<u64>,
    charged: Option<u64>,
    send_charged: Option<u64>,
    skmem: SkMemJson,
}

impl<'a> SubflowJson<'a> {
    pub(super) fn new(socket: &'a Socket, host: &HostFacts) -> SubflowJson<'a> {
        let footprint = Footprint::of(socket, None, host);
        SubflowJson {
            state: socket.state.name(),
            cookie: socket.cookie.map(|cookie| format!("{cookie:x}")),
            interface_index: socket.interface,
            local: EndpointJson::new(&socket.local, None),
            peer: EndpointJson::new(&socket.peer, None),
            queues: QueuesJson::new(socket),
            unread: footprint.received.payload.map(|payload| payload.0),
            unsent: footprint.sent.payload.map(|payload| payload.0),
            charged: footprint.received.charged.map(|charge| charge.0),
            send_charged: footprint.sent.charged.map(|charge| charge.0),
            skmem: SkMemJson::new(&socket.skmem),
        }
    }
}
