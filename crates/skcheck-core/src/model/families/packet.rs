//! The rows of the protocols of `AF_PACKET`.

use crate::model::families::row::{Counts, Full, PacketsHoldPayload, ProtocolRow, SentBy};

pub(crate) static PACKET: ProtocolRow = ProtocolRow {
    name: "packet",
    short_name: "packet",
    flag: "packet",
    recv_q: Some(Counts::Truesize),
    send_q: Some(Counts::Truesize),
    charges_senders: false,
    is_acknowledged: false,
    listens: false,
    not_walked: None,
    packets_hold_payload: PacketsHoldPayload::Never,
    has_rings: true,
    is_counted: false,
    waits_for_reader: false,
    sent_by: SentBy::Allocated,
    full: Full::AtItsLimit,
    names_peer_inode: false,
    passes_descriptors: false,
    has_one_sender: false,
    is_stream: false,
    limits_messages: false,
    can_be_mapped: true,
    queues_count_fin: false,
    lists_unaccepted: false,
};
