//! Protocols and states as `ss` prints them, and what no column has.

use skcheck_core::{Protocol, SocketEntry, State};

use crate::text::count;

/// The protocol in as few letters as `ss` needs.
pub(in crate::output) fn proto(protocol: Protocol) -> &'static str {
    protocol.short_name()
}

/// The state as `ss` prints it.
pub(in crate::output) fn state_name(state: State) -> &'static str {
    match state {
        State::Established => "ESTAB",
        State::SynSent => "SYN-SENT",
        State::SynRecv | State::NewSynRecv => "SYN-RECV",
        State::FinWait1 => "FIN-WAIT-1",
        State::FinWait2 => "FIN-WAIT-2",
        State::TimeWait => "TIME-WAIT",
        State::Close => "UNCONN",
        State::CloseWait => "CLOSE-WAIT",
        State::LastAck => "LAST-ACK",
        State::Listen => "LISTEN",
        State::Closing => "CLOSING",
        State::BoundInactive => "BOUND",
        State::ClosedHeld => "CLOSED",
        _ => "?",
    }
}

/// Errors and time stamps that nobody has fetched; `None` where there are none, or nobody knows.
pub(in crate::output) fn error_queue(report: &SocketEntry) -> Option<String> {
    let errors = report.error_packets().filter(|errors| *errors > 0)?;
    Some(format!("error queue: {} never fetched", count(errors, "packet")))
}
