//! What to call the processes and addresses of a sample.

use skcheck_core::watch::Sample;
use skcheck_core::watch::cause::Over;
use skcheck_core::watch::evidence::ConduitKind;
use skcheck_core::{Endpoint, Holding, SocketEntry};

use crate::output::words::address::endpoint_of;
use crate::output::words::descriptor::descriptor;
use crate::output::words::names::SnapshotNames;
use crate::report::watch::{WatchRow, comm};
use crate::text::{Charset, escape};

/// Turns what is known of a sample into text.
#[derive(Clone, Copy)]
pub(in crate::output) struct SampleNames<'a> {
    pub(in crate::output) sample: &'a Sample,
    pub(in crate::output) charset: Charset,
}

impl SampleNames<'_> {
    /// A process in a sentence: `nginx (4711)`.
    pub(in crate::output) fn process(&self, pid: u32) -> String {
        self.comm(pid).map_or_else(|| format!("process {pid}"), |comm| format!("{comm} ({pid})"))
    }

    /// A process in a table: `nginx 4711`.
    pub(in crate::output) fn short(&self, pid: u32) -> String {
        format!("{} {pid}", self.comm(pid).unwrap_or_else(|| "?".to_owned()))
    }

    /// A process that was named before.
    fn again(&self, pid: u32) -> String {
        self.comm(pid).unwrap_or_else(|| format!("process {pid}"))
    }

    fn comm(&self, pid: u32) -> Option<String> {
        comm(self.sample, pid).map(|comm| escape(comm, self.charset))
    }

    /// A name that somebody else chose.
    pub(in crate::output) fn escape(&self, name: &[u8]) -> String {
        escape(name, self.charset)
    }

    /// Who is to read a socket, at the beginning of a sentence.
    pub(in crate::output) fn subject(&self, row: &WatchRow<'_>) -> String {
        let Some(holder) = row.holder else { return unheld(row.socket.holding).to_owned() };
        let place = self.snapshot().inside(holder.pid).map(|place| format!(" {place}"));
        format!("{}{}", self.process(holder.pid), place.unwrap_or_default())
    }

    /// The same once more.
    pub(in crate::output) fn subject_again(&self, row: &WatchRow<'_>) -> String {
        row.holder.map_or_else(|| "it".to_owned(), |holder| self.again(holder.pid))
    }

    /// Who is to read a socket, in a table.
    pub(in crate::output) fn owner(&self, row: &WatchRow<'_>) -> String {
        let others = row.socket.pids().len().saturating_sub(1);
        match (row.holder, others) {
            (None, _) => self.snapshot().holders(row.socket),
            (Some(holder), 0) => self.short(holder.pid),
            (Some(holder), more) => format!("{} +{more}", self.short(holder.pid)),
        }
    }

    /// Where a socket is: `at fd 11`, or its address where no descriptor has it.
    pub(in crate::output) fn place(&self, row: &WatchRow<'_>) -> String {
        match (row.holder, row.socket.holding) {
            (Some(holder), Holding::Descriptors) => format!("at {}", descriptor(&holder)),
            (Some(_), Holding::Mapping) => "at a socket that it has mapped".to_owned(),
            (Some(holder), Holding::IoUring) => format!("at its ring of io_uring ({})", descriptor(&holder)),
            (Some(holder), Holding::InFlight { .. }) => format!("in flight to {}", descriptor(&holder)),
            (Some(holder), _) => format!("at its listener ({})", descriptor(&holder)),
            (None, _) => match &row.socket.socket.local {
                Endpoint::Unnamed => "at a socket without a name".to_owned(),
                local => format!("at {}", self.endpoint(local, row.socket)),
            },
        }
    }

    /// Where the other end of a socket is; `None` where it has no name.
    pub(in crate::output) fn peer_address(&self, report: &SocketEntry) -> Option<String> {
        match &report.socket.peer {
            Endpoint::Unnamed => None,
            peer => Some(self.endpoint(peer, report)).filter(|address| !address.is_empty()),
        }
    }

    /// What leads from one process of a chain to the next: the address of the other end, or what carries
    /// bytes there; `None` where it has no name.
    pub(in crate::output) fn over(&self, over: Over) -> Option<String> {
        match over {
            Over::Socket(at) => self.peer_address(self.sample.snapshot.sockets.get(at)?),
            Over::Conduit(at) => {
                let conduit = self.sample.conduits.get(at)?;
                let name = self.escape(&conduit.name);
                Some(match conduit.kind {
                    ConduitKind::Pipe => "a pipe".to_owned(),
                    ConduitKind::Fifo => format!("the FIFO {name}"),
                    ConduitKind::Terminal => format!("the terminal {name}"),
                    _ => name,
                })
            }
            Over::Answer(at) | Over::Connect(at) => {
                let report = self.sample.snapshot.sockets.get(at)?;
                Some(self.endpoint(&report.socket.local, report)).filter(|address| !address.is_empty())
            }
            _ => None,
        }
    }

    fn endpoint(&self, end: &Endpoint, report: &SocketEntry) -> String {
        endpoint_of(end, &report.socket, report.interface_name.as_deref(), self.charset)
    }

    fn snapshot(&self) -> SnapshotNames<'_> {
        SnapshotNames { snapshot: &self.sample.snapshot, charset: self.charset, wide: false }
    }
}

fn unheld(holding: Holding) -> &'static str {
    match holding {
        Holding::Hidden => "A process that may not be looked at",
        Holding::Orphan => "A process that has closed its socket",
        _ => "The kernel, or a message in flight,",
    }
}
