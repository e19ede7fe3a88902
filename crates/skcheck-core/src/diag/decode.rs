//! Datagrams of NETLINK_SOCK_DIAG to records. Pure and total: whatever the bytes are, this ends,
//! does not panic, and a bad message or attribute costs itself alone.

use std::ops::ControlFlow;

use netlink_packet_core::{
    NLM_F_DUMP_INTR, NLM_F_MULTIPART, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN, NetlinkBuffer,
};
use netlink_packet_sock_diag::SOCK_DIAG_BY_FAMILY;

use crate::diag::attributes::u32_at;
use crate::diag::families;
use crate::diag::families::netlink;
use crate::diag::record::Record;
use crate::model::table::Table;

/// Whether a datagram ends the answer to a request.
pub(crate) fn ends(request: &[u8], mut datagram: &[u8]) -> bool {
    const SEQUENCE: usize = 8;
    let asked = u32_at(request, SEQUENCE);
    while let Ok(message) = NetlinkBuffer::new_checked(datagram) {
        let is_last = matches!(message.message_type(), NLMSG_DONE | NLMSG_ERROR)
            || message.message_type() == SOCK_DIAG_BY_FAMILY && message.flags() & NLM_F_MULTIPART == 0;
        if Some(message.sequence_number()) == asked && is_last {
            return true;
        }
        let aligned = (message.length() as usize).next_multiple_of(4);
        datagram = datagram.get(aligned..).unwrap_or_default();
    }
    false
}

/// How one answer of the kernel went, as far as its datagrams have come in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    table: Table,
    sequence: u32,
    /// The answer ended as it should.
    pub complete: bool,
    /// The kernel refused, with this errno (positive).
    pub errno: Option<i32>,
    /// The kernel says that the table changed under the dump, or that something was lost.
    pub interrupted: bool,
    /// Messages that could not be decoded.
    pub bad_messages: u64,
    /// Attributes that could not be decoded.
    pub bad_attributes: u64,
}

impl Answer {
    /// The answer to a request of this sequence number for sockets of this table.
    pub fn new(table: Table, sequence: u32) -> Answer {
        Answer {
            table,
            sequence,
            complete: false,
            errno: None,
            interrupted: false,
            bad_messages: 0,
            bad_attributes: 0,
        }
    }

    /// The table that it is about.
    pub(crate) fn table(&self) -> Table {
        self.table
    }

    /// Decodes one datagram. Breaks when the answer is at its end.
    pub fn datagram(&mut self, mut bytes: &[u8], mut on_record: impl FnMut(Record<'_>)) -> ControlFlow<()> {
        while !bytes.is_empty() {
            let Ok(message) = NetlinkBuffer::new_checked(bytes) else {
                // Cut, or its length is a lie: nothing says where the next message begins.
                self.bad_messages += 1;
                return ControlFlow::Continue(());
            };
            let aligned = (message.length() as usize).next_multiple_of(4);
            let (kind, flags) = (message.message_type(), message.flags());
            let sequence = message.sequence_number();
            let (portid, payload) = (message.port_number(), message.payload());
            bytes = bytes.get(aligned..).unwrap_or_default();
            if sequence != self.sequence {
                continue; // the rest of an answer that somebody gave up on
            }
            self.interrupted |= flags & NLM_F_DUMP_INTR != 0;
            match kind {
                NLMSG_NOOP => {}
                NLMSG_OVERRUN => self.interrupted = true,
                NLMSG_DONE | NLMSG_ERROR => {
                    self.end(u32_at(payload, 0).unwrap_or(0) as i32);
                    return ControlFlow::Break(());
                }
                SOCK_DIAG_BY_FAMILY => {
                    match families::record(self.table, payload, &mut self.bad_attributes) {
                        Some(record) if netlink::is_conversation(&record.socket, portid) => {}
                        Some(record) => on_record(record),
                        None => self.bad_messages += 1,
                    }
                    if flags & NLM_F_MULTIPART == 0 {
                        self.complete = true;
                        return ControlFlow::Break(());
                    }
                }
                _ => self.bad_messages += 1,
            }
        }
        ControlFlow::Continue(())
    }

    /// Both a failed dump (in NLMSG_DONE) and a refused request carry a negative errno; 0 is success.
    fn end(&mut self, code: i32) {
        if code < 0 {
            self.errno = Some(code.saturating_neg());
        } else {
            self.complete = true;
        }
    }
}
