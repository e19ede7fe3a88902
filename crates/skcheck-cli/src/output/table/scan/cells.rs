//! One row of the table: a socket, or all sockets of one owner, as text.

use skcheck_core::{Certainty, Direction, Footprint, Holder, Holding, Socket, SocketEntry};

use crate::output::table::scan::notes::{group_note, is_process};
use crate::output::table::scan::writer::RowWriter;
use crate::output::words::address::endpoint;
use crate::output::words::socket::{proto, state_name};
use crate::report::scan::{Owner, OwnerGroup};
use crate::report::{Measure, PartialSum, is_closed_unknown, shown_side};
use crate::text::count;

/// Marks a charge of the sending side.
pub(super) const SENDING: &str = "tx ";

/// The cells of one row; what does not apply is empty.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct ScanCells {
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

impl RowWriter<'_> {
    /// The row of an owner: sums over all its sockets.
    pub(super) fn group_row(&self, group: &OwnerGroup<'_>) -> ScanCells {
        let (name, about) = self.names.group(group);
        let sums = &group.sums;
        let (direction, side) = sums.larger();
        ScanCells {
            process: name,
            container: match group.owner {
                Owner::Process(pid) => self.names.place_of_process(pid),
                _ => String::new(),
            },
            local: about,
            state: count(sums.sockets, "socket"),
            recv_q: self.sum(sums.unread),
            send_q: self.sum(sums.unsent),
            charged: marked(self.sum(side.charged), direction),
            pinned: self.pinned_sum(&side.pinned),
            worst: self
                .sum(PartialSum { known: self.capped(side.worst.known, side.charged.known), ..side.worst }),
            note: group_note(group),
            ..ScanCells::default()
        }
    }

    /// The row of a socket; `owner` is whose row it stands under.
    pub(super) fn socket_row(&self, report: &SocketEntry, owner: Option<Owner<'_>>) -> ScanCells {
        let socket = &report.socket;
        let direction = shown_side(report);
        let (side, certainty) = match direction {
            Direction::Sent => (&report.footprint.sent, Certainty::Exact),
            Direction::Received => (&report.footprint.received, report.footprint.certainty),
        };
        let (local, peer) = self.ends(report);
        ScanCells {
            process: match owner {
                None => self.names.holders(report),
                Some(_) if is_process(owner) => String::new(),
                Some(_) => format!("  {}", self.names.holders(report)),
            },
            netns: match owner {
                Some(Owner::Netns(_) | Owner::UnknownNetns) => String::new(),
                _ => self.names.netns(report),
            },
            container: match owner {
                Some(Owner::Container(_) | Owner::Unit(_)) => String::new(),
                _ if is_process(owner) => String::new(),
                _ => self.names.place_of_socket(report),
            },
            fd: fds(report, owner),
            proto: proto(socket.protocol).to_owned(),
            state: state(report).to_owned(),
            recv_q: self.recv_q(socket, &report.footprint),
            send_q: self.send_q(socket, &report.footprint),
            charged: marked(self.charged(side, certainty), direction),
            pinned: self.pinned(Measure::of(report, direction)),
            worst: self.worst(side, certainty),
            local,
            peer,
            peer_process: self.names.peer(report),
            note: self.note(report, owner),
            why: String::new(),
        }
    }

    /// Both ends of a socket, as far as there is something to tell.
    fn ends(&self, report: &SocketEntry) -> (String, String) {
        if is_closed_unknown(report) {
            return ("in no table: reset, or never connected".to_owned(), String::new());
        }
        let socket = &report.socket;
        (self.names.endpoint(&socket.local, report), self.names.endpoint(&socket.peer, report))
    }

    /// The rows of what a socket is made of: the TCP connections that carry an MPTCP socket.
    pub(super) fn subflow_rows(&self, report: &SocketEntry) -> impl Iterator<Item = ScanCells> {
        let row = |subflow: &Socket| {
            let footprint = Footprint::of(subflow, None, &self.names.snapshot.host);
            let interface = None;
            ScanCells {
                proto: proto(subflow.protocol).to_owned(),
                state: state_name(subflow.state).to_owned(),
                recv_q: self.recv_q(subflow, &footprint),
                send_q: self.send_q(subflow, &footprint),
                charged: self.charged(&footprint.received, Certainty::Exact),
                worst: self.worst(&footprint.received, Certainty::Exact),
                local: endpoint(&subflow.local, interface, self.names.charset),
                peer: endpoint(&subflow.peer, interface, self.names.charset),
                note: "subflow, in the sums above".to_owned(),
                ..ScanCells::default()
            }
        };
        report.socket.subflows().iter().map(row)
    }
}

fn marked(charge: String, direction: Direction) -> String {
    match direction {
        Direction::Sent => format!("{SENDING}{charge}"),
        Direction::Received => charge,
    }
}

fn fds(report: &SocketEntry, owner: Option<Owner<'_>>) -> String {
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

fn state(report: &SocketEntry) -> &'static str {
    if is_closed_unknown(report) { "CLOSED?" } else { state_name(report.socket.state) }
}
