//! One row of the table: a socket, or all sockets of one owner, as text.

use skcheck_core::footprint::footprint;
use skcheck_core::{
    Bytes, Certainty, Connections, Footprint, Holder, Holding, Payload, Protocol, RecvQueue,
    Report as SocketReport, SendQueue, Side, Socket, State, Truesize, Via,
};

use crate::output::measured::sureness;
use crate::output::names::{Writer, descriptor, endpoint};
use crate::output::{rings, room};
use crate::report::{Group, Measure, Owner, Pinned, Sum, Sureness, is_closed_unknown, shows_sent};
use crate::text::{count, size};

/// Marks a charge of the sending side.
pub(super) const SENDING: &str = "tx ";

/// Stands for what was not measured, which is not zero.
pub(super) const NOT_MEASURED: &str = "?";

/// The cells of one row; what does not apply is empty.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Cells {
    pub(super) process: String,
    pub(super) netns: String,
    pub(super) container: String,
    pub(super) fd: String,
    pub(super) proto: String,
    pub(super) state: String,
    pub(super) recv_q: String,
    pub(super) send_q: String,
    pub(super) charged: String,
    /// Empty in all rows when nothing was measured.
    pub(super) pinned: String,
    pub(super) worst: String,
    pub(super) local: String,
    pub(super) peer: String,
    pub(super) peer_process: String,
    pub(super) note: String,
    /// Why nobody reads it, where that was looked for.
    pub(super) why: String,
}

impl Writer<'_> {
    /// The row of an owner: sums over all its sockets.
    pub(super) fn group_row(&self, group: &Group<'_>) -> Cells {
        let (name, about) = self.group(group);
        let sums = &group.sums;
        let sent = sums.mostly_sent();
        let side = if sent { &sums.sent } else { &sums.received };
        Cells {
            process: name,
            container: match group.owner {
                Owner::Process(pid) => self.place_of_process(pid),
                _ => String::new(),
            },
            local: about,
            state: count(sums.sockets, "socket"),
            recv_q: self.sum(sums.unread),
            send_q: self.sum(sums.unsent),
            charged: marked(self.sum(side.charged), sent),
            pinned: self.pinned_sum(&side.pinned),
            worst: self.sum(Sum { known: self.capped(side.worst.known, side.charged.known), ..side.worst }),
            note: self.group_note(group),
            ..Cells::default()
        }
    }

    fn group_note(&self, group: &Group<'_>) -> String {
        let mut notes = Vec::new();
        if (group.sockets.len() as u64) < group.sums.sockets {
            notes.push(format!("heaviest {} shown", group.sockets.len()));
        }
        if group.sums.closed_held > 0 && group.sums.sockets > 1 {
            notes.push(format!("{} closed, size unknown", group.sums.closed_held));
        }
        if group.sums.rings.known > 0 && group.sums.sockets > 1 {
            notes.push(format!("rings of {}", size(group.sums.rings.known)));
        }
        notes.join(", ")
    }

    /// The row of a socket; `owner` is whose row it stands under.
    pub(super) fn socket_row(&self, report: &SocketReport, owner: Option<Owner<'_>>) -> Cells {
        let under_process = is_process(owner);
        let socket = &report.socket;
        let sent = shows_sent(report);
        let (side, certainty) = if sent {
            (&report.footprint.sent, Certainty::Exact)
        } else {
            (&report.footprint.received, report.footprint.certainty)
        };
        let (local, peer) = match socket.state {
            State::ClosedHeld if is_closed_unknown(report) => {
                ("in no table: reset, or never connected".to_owned(), String::new())
            }
            _ => (self.endpoint(&socket.local, report), self.endpoint(&socket.peer, report)),
        };
        Cells {
            process: match owner {
                None => self.holders(report),
                Some(_) if under_process => String::new(),
                Some(_) => format!("  {}", self.holders(report)),
            },
            netns: match owner {
                Some(Owner::Netns(_) | Owner::UnknownNetns) => String::new(),
                _ => self.netns(report),
            },
            container: match owner {
                Some(Owner::Container(_) | Owner::Unit(_)) => String::new(),
                _ if under_process => String::new(),
                _ => self.place_of_socket(report),
            },
            fd: fds(report, owner),
            proto: proto(socket.protocol).to_owned(),
            state: state(report).to_owned(),
            recv_q: self.recv_q(socket, &report.footprint),
            send_q: self.send_q(socket, &report.footprint),
            charged: marked(self.charged(side, certainty), sent),
            pinned: self.pinned(Measure::of(report, sent)),
            worst: self.worst(side, certainty),
            local,
            peer,
            peer_process: self.peer(report),
            note: self.note(report, owner),
            why: String::new(),
        }
    }

    fn note(&self, report: &SocketReport, owner: Option<Owner<'_>>) -> String {
        let mut notes = Vec::new();
        match report.holding {
            Holding::AwaitingAccept { ambiguous: false } => notes.push("not accepted yet".to_owned()),
            Holding::AwaitingAccept { ambiguous: true } => {
                notes.push("not accepted yet, at this listener or another".to_owned());
            }
            Holding::Orphan if !is_process(owner) => notes.push("closed by its process".to_owned()),
            _ => {}
        }
        if matches!(owner, None | Some(Owner::Orphaned)) {
            notes.extend(self.place_of_orphan(report));
        }
        notes.extend(way(report, owner));
        if report.socket.state == State::ClosedHeld && !is_closed_unknown(report) {
            notes.push(match report.socket.recv_q.holds_something() {
                true => "reset or closed, unread data kept".to_owned(),
                false => "reset, closed or never connected".to_owned(),
            });
        }
        notes.extend(rings::note(report));
        notes.extend(room::notes(report));
        notes.extend(error_queue(report));
        if report.holders.is_empty()
            && let Some(pid) = report.portid_process
        {
            notes.push(format!("named by its portid, {pid}"));
        }
        if report.is_shared() {
            notes.push(format!("shared by {} processes", report.pids().len()));
        }
        notes.join(", ")
    }

    fn sum(&self, Sum { known, unknown, estimated }: Sum) -> String {
        match (known, unknown, estimated) {
            (0, 1.., _) => "?".to_owned(),
            (known, _, 1..) => format!("{}{}", self.charset.about(), size(known)),
            (known, 0, _) => size(known),
            (known, ..) => format!("{}{}", self.charset.at_least(), size(known)),
        }
    }

    fn mark(&self, certainty: Certainty) -> &'static str {
        match certainty {
            Certainty::Floor => self.charset.at_least(),
            Certainty::Estimate => self.charset.about(),
            _ => "",
        }
    }

    /// The rows of what a socket is made of: the TCP connections that carry an MPTCP socket.
    pub(super) fn subflow_rows(&self, report: &SocketReport) -> impl Iterator<Item = Cells> {
        let row = |subflow: &Socket| {
            let footprint = footprint(subflow, None, &self.snapshot.host);
            let interface = None;
            Cells {
                proto: proto(subflow.protocol).to_owned(),
                state: state_name(subflow.state).to_owned(),
                recv_q: self.recv_q(subflow, &footprint),
                send_q: self.send_q(subflow, &footprint),
                charged: self.charged(&footprint.received, Certainty::Exact),
                worst: self.worst(&footprint.received, Certainty::Exact),
                local: endpoint(&subflow.local, interface, self.charset),
                peer: endpoint(&subflow.peer, interface, self.charset),
                note: "subflow, in the sums above".to_owned(),
                ..Cells::default()
            }
        };
        report.socket.subflows().iter().map(row)
    }

    fn recv_q(&self, socket: &Socket, footprint: &Footprint) -> String {
        match socket.recv_q {
            // The kernel's number is of the first datagram only; all of them were counted.
            RecvQueue::FirstDatagram(_) if footprint.received.payload.is_some() => {
                size(footprint.received.payload.map_or(0, |payload| payload.0))
            }
            RecvQueue::Payload(Payload(n)) | RecvQueue::Truesize(Truesize(n @ 0)) => size(n),
            RecvQueue::Truesize(Truesize(n)) => format!("{}{}", self.charset.at_most(), size(n)),
            RecvQueue::Connections(Connections(n)) => format!("{n} conn"),
            // An empty first datagram and an empty queue look the same, unless a sender is charged.
            RecvQueue::FirstDatagram(Payload(0)) if footprint.certainty == Certainty::Exact => size(0),
            RecvQueue::FirstDatagram(Payload(n)) => format!("{}{}", self.charset.at_least(), size(n)),
            _ => "?".to_owned(),
        }
    }

    fn send_q(&self, socket: &Socket, footprint: &Footprint) -> String {
        match socket.send_q {
            // The kernel's number leaves out what no packet carries yet.
            SendQueue::Truesize(_) if socket.protocol == Protocol::Mptcp => match footprint.sent.payload {
                Some(Payload(unsent)) => size(unsent),
                None => "?".to_owned(),
            },
            SendQueue::Payload(Payload(n)) | SendQueue::Truesize(Truesize(n @ 0)) => size(n),
            SendQueue::Truesize(Truesize(n)) => format!("{}{}", self.charset.at_most(), size(n)),
            SendQueue::BacklogLimit(Connections(n)) => format!("/{n}"),
            _ => "?".to_owned(),
        }
    }

    /// What a socket pins.
    fn pinned(&self, measure: Measure) -> String {
        match measure {
            _ if !self.measured => String::new(),
            Measure::Nothing => size(0),
            Measure::Unknown => NOT_MEASURED.to_owned(),
            Measure::Pins(pinned) => self.pinned_sum(&pinned),
        }
    }

    fn pinned_sum(&self, pinned: &Pinned) -> String {
        if !self.measured {
            return String::new();
        }
        let Some(sureness) = sureness(pinned) else {
            return if pinned.unknown == 0 { size(0) } else { NOT_MEASURED.to_owned() };
        };
        let mark = match sureness {
            Sureness::Exact => "",
            Sureness::AtLeast => self.charset.at_least(),
            Sureness::AtMost => self.charset.at_most(),
            Sureness::About => self.charset.about(),
        };
        // However often they share pages: together they pin no more than all sockets do.
        let all = self.snapshot.pinned(|_| true);
        format!("{mark}{}", size(pinned.of_at_most(all.0).bytes()))
    }

    fn charged(&self, side: &Side, certainty: Certainty) -> String {
        let mark = self.mark(certainty);
        side.charged.map_or_else(|| "?".to_owned(), |charge| format!("{mark}{}", size(charge.0)))
    }

    fn worst(&self, side: &Side, certainty: Certainty) -> String {
        let Some(worst) = side.worst else { return "?".to_owned() };
        let mark = if worst.saturated { self.charset.at_least() } else { self.mark(certainty) };
        let charged = side.charged.map_or(0, |charge| charge.0);
        format!("{mark}{}", size(self.capped(worst.bytes.0, charged)))
    }

    /// A bound, no larger than what this host has to pin: as for all sockets together.
    fn capped(&self, worst: u64, charged: u64) -> u64 {
        self.snapshot.capped(Bytes(worst), Truesize(charged)).0.0
    }
}

/// Whether a row stands under that of a process, or of nobody.
fn is_process(owner: Option<Owner<'_>>) -> bool {
    matches!(owner, Some(Owner::Process(_) | Owner::Orphaned | Owner::Kernel | Owner::Hidden))
}

fn marked(charge: String, sent: bool) -> String {
    if sent { format!("{SENDING}{charge}") } else { charge }
}

fn fds(report: &SocketReport, owner: Option<Owner<'_>>) -> String {
    if !matches!(report.holding, Holding::Descriptors) {
        return "-".to_owned();
    }
    let of_owner = |holder: &&Holder| match owner {
        Some(Owner::Process(pid)) => holder.pid == pid,
        _ => report.holders.first().is_some_and(|first| first.pid == holder.pid),
    };
    let mut fds = report.holders.iter().filter(of_owner).map(|holder| holder.fd);
    let first = fds.next().map_or_else(|| "-".to_owned(), |fd| fd.to_string());
    match fds.count() {
        0 => first,
        more => format!("{first} +{more}"),
    }
}

/// The protocol in as few letters as `ss` needs.
pub(super) fn proto(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::UnixStream => "u_str",
        Protocol::UnixDatagram => "u_dgr",
        Protocol::UnixSeqpacket => "u_seq",
        other => other.name(),
    }
}

fn state(report: &SocketReport) -> &'static str {
    if is_closed_unknown(report) { "CLOSED?" } else { state_name(report.socket.state) }
}

/// The state as `ss` prints it.
pub(super) fn state_name(state: State) -> &'static str {
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

/// How a socket is held, where that is not by a descriptor of the process.
fn way(report: &SocketReport, owner: Option<Owner<'_>>) -> Option<String> {
    let of_owner = |holder: &&Holder| match owner {
        Some(Owner::Process(pid)) => holder.pid == pid,
        _ => true,
    };
    let holders = || report.holders.iter().filter(of_owner);
    let holder = holders().min_by_key(|holder| holder.via)?;
    match (holder.via, report.holding) {
        (Via::ThreadFd, _) => holder.tid.map(|tid| format!("in the table of thread {tid} alone")),
        (Via::Map, _) => Some("mapped, its descriptor is closed".to_owned()),
        (Via::IoUring, _) => Some(format!("registered with io_uring ({})", descriptor(holder))),
        (Via::InFlight, Holding::InFlight { ambiguous: true }) => Some(match holders().count() {
            1 => format!("in flight? a message at {} has descriptors", descriptor(holder)),
            n => format!("in flight? messages at {} and {} more have descriptors", descriptor(holder), n - 1),
        }),
        (Via::InFlight, _) => Some(format!("in flight: not received yet at {}", descriptor(holder))),
        _ => None,
    }
}

/// Errors and time stamps that nobody has fetched; `None` where there are none, or nobody knows.
pub(in crate::output) fn error_queue(report: &SocketReport) -> Option<String> {
    let errors = report.error_packets().filter(|errors| *errors > 0)?;
    Some(format!("error queue: {} never fetched", count(errors, "packet")))
}

#[cfg(test)]
mod tests;
