//! Asks the kernel's socket tables, and says how the answer went. Where a table's module is missing,
//! /proc/net stands in for it.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::ControlFlow;

use crate::collect::asking::conversation::{is_disturbance, open};
use crate::collect::asking::shortcomings::{
    ATTEMPTS, NOT_THERE, Refusal, is_not_there, is_undecoded, proc_net_lines, refused, shortcomings,
};
use crate::collect::dumps::record_sink::{RecordSink, records_of_file};
use crate::diag::decode::Answer;
use crate::diag::record::Record;
use crate::diag::request;
use crate::diag::request::States;
use crate::host::{Diag, Host, Message};
use crate::model::endpoint::Endpoint;
use crate::model::gap::{Gap, Missing};
use crate::model::netns::Netns;
use crate::model::place::Place;
use crate::model::protocol::Protocol;
use crate::model::socket::{Inode, Socket};
use crate::model::table::{IpVersion, Table};

/// Asks one network namespace, request after request.
pub(crate) struct Asker<'h> {
    host: &'h dyn Host,
    netns: &'h Netns,
    /// `None` after an error: the rest of that answer may still arrive.
    diag: RefCell<Option<Box<dyn Diag + 'h>>>,
    sequence: Cell<u32>,
    /// The protocols that have been asked for, and whether what answers for them is missing.
    missing: RefCell<Vec<(Protocol, bool)>>,
    /// What could not be decoded in answers that nobody was handed the gaps of.
    undecoded: RefCell<Vec<Gap>>,
}

/// The ends of a TCP socket, as it sees them.
pub(crate) struct TcpEnds<'s> {
    pub local: &'s Endpoint,
    pub peer: &'s Endpoint,
    pub interface: Option<u32>,
}

/// So many questions are asked together.
const AT_ONCE: usize = 1024;

impl<'h> Asker<'h> {
    /// Opens a conversation with a namespace.
    pub(crate) fn open(host: &'h dyn Host, netns: &'h Netns) -> io::Result<Asker<'h>> {
        let diag = RefCell::new(Some(open(host, netns)?));
        let (missing, undecoded) = (RefCell::default(), RefCell::default());
        Ok(Asker { host, netns, diag, sequence: Cell::new(0), missing, undecoded })
    }

    /// The namespace's own sockstat and sockstat6.
    pub(crate) fn sockstat(&self) -> Vec<u8> {
        self.diag.borrow().as_ref().map(|diag| diag.sockstat().to_vec()).unwrap_or_default()
    }

    /// Another file of the namespace's /proc/net; `None` where it cannot be read.
    pub(crate) fn proc_net(&self, name: &str) -> Option<Vec<u8>> {
        self.diag.borrow().as_ref()?.proc_net(name).ok()
    }

    /// What /proc/net tells in place of a table whose module is missing; `None` where it tells nothing.
    pub(crate) fn stand_in(&self, table: Table) -> Option<Vec<u8>> {
        table.row().untold?;
        self.proc_net(table.proc_file().rsplit('/').next()?)
    }

    /// Whether the kernel has said that it has nobody to answer for a table.
    pub(crate) fn is_missing(&self, table: Table) -> bool {
        self.missing.borrow().contains(&(table.protocol(), true))
    }

    /// Notes whether a table's module is missing. For each request that finds it so the kernel starts
    /// modprobe.
    fn note(&self, table: Table, is_missing: bool) {
        let known = (table.protocol(), is_missing);
        if !self.missing.borrow().contains(&known) {
            self.missing.borrow_mut().push(known);
        }
    }

    /// The name of an interface of the namespace.
    pub(crate) fn interface_name(&self, index: u32) -> Option<String> {
        self.diag.borrow().as_ref()?.interface_name(index).ok()
    }

    /// Dumps a table into `sink`. Gaps are what the answer lacks.
    pub(crate) fn dump(
        &self,
        table: Table,
        states: States,
        sink: &mut dyn RecordSink,
    ) -> Result<Vec<Gap>, Refusal> {
        if table.module().is_none() {
            return self.read_table(table, states, sink);
        }
        let result = self.run(table, &|sequence| request::dump(table, states, sequence), sink);
        self.or_stand_in(table, states, result, sink)
    }

    /// Reads a table that only /proc/net tells of. Where it has no such file, there are no such sockets.
    fn read_table(
        &self,
        table: Table,
        states: States,
        sink: &mut dyn RecordSink,
    ) -> Result<Vec<Gap>, Refusal> {
        let diag = self.connected().map_err(Refusal::SockDiag)?;
        let read = diag.proc_net(table.proc_file().rsplit('/').next().unwrap_or_default());
        *self.diag.borrow_mut() = Some(diag);
        match read {
            Ok(file) => {
                let (_, bad_lines) = records_of_file(table, &file, states, sink);
                Ok(proc_net_lines(table, bad_lines).into_iter().collect())
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::Unsupported) => {
                Ok(Vec::new())
            }
            Err(error) => {
                let remedy = format!("{} cannot be read: {error}", table.proc_file());
                Err(Refusal::Table(Gap::uncounted(Missing::Table, Place::Table(table), remedy)))
            }
        }
    }

    /// Puts what /proc/net tells in the place of a table that was refused. What it does not tell is a gap
    /// only where there are such sockets at all.
    fn or_stand_in(
        &self,
        table: Table,
        states: States,
        result: Result<Vec<Gap>, Refusal>,
        sink: &mut dyn RecordSink,
    ) -> Result<Vec<Gap>, Refusal> {
        let Err(Refusal::Table(refusal)) = result else { return result };
        let (Some(file), Some(untold)) = (self.stand_in(table), table.row().untold) else {
            return Err(Refusal::Table(refusal));
        };
        let (sockets, bad_lines) = records_of_file(table, &file, states, sink);
        let mut gaps = Vec::new();
        if sockets > 0 {
            let remedy = format!("{}; until then their {untold} are unknown", refusal.remedy);
            gaps.push(Gap::counted(Missing::TableDetail, Place::Table(table), sockets, remedy));
        }
        gaps.extend(proc_net_lines(table, bad_lines));
        Ok(gaps)
    }

    /// The same of a table that others have dumped before, and said what it lacks: only what cannot be
    /// decoded is noted ([`undecoded`](Self::undecoded)).
    pub(crate) fn dump_again(&self, table: Table, states: States, sink: &mut dyn RecordSink) {
        let mut gaps = self.dump(table, states, sink).unwrap_or_default();
        gaps.retain(is_undecoded);
        self.undecoded.borrow_mut().extend(gaps);
    }

    /// What could not be decoded in answers since this was asked last, but for those of [`dump`](Self::dump).
    pub(crate) fn undecoded(&self) -> Vec<Gap> {
        self.undecoded.take()
    }

    fn note_undecoded(&self, table: Table, answer: &Answer) {
        self.undecoded.borrow_mut().extend(shortcomings(table, answer, false));
    }

    /// Dumps all unix listeners with those who wait at them.
    pub(crate) fn pending_unix(&self, sink: &mut dyn RecordSink) -> Result<Vec<Gap>, Refusal> {
        self.run(Table::Unix, &request::dump_pending_unix, sink)
    }

    /// TCP sockets by their addresses, as they see them; each by its place. One that is gone is left out.
    pub(crate) fn tcp_each(&self, wanted: &[TcpEnds<'_>], on_socket: &mut dyn FnMut(usize, Socket)) {
        let table = Table::Tcp(IpVersion::V4);
        if self.is_missing(table) {
            return;
        }
        let mut first = 0;
        for some in wanted.chunks(AT_ONCE) {
            let question = |TcpEnds { local, peer, interface }: &TcpEnds<'_>| {
                let sequence = self.next();
                let request = request::exact_tcp(local, peer, *interface, false, sequence)?;
                Some((Answer::new(table, sequence), Message { about: Place::SockDiag, request }))
            };
            let _ = self.each(some.iter().map(question), &mut |at, socket| on_socket(first + at, socket));
            first += some.len();
        }
    }

    /// Each of these sockets once more, with what only its lock gives (`tcp_info`, `mptcp_info`), by its
    /// place. One whose lock does not come free is left out, and the host knows whom that is about.
    pub(crate) fn with_info(
        &self,
        sockets: &[(Place, &Socket)],
        on_socket: &mut dyn FnMut(usize, Socket),
    ) -> io::Result<()> {
        let question = |(about, socket): &(Place, &Socket)| {
            let sequence = self.next();
            let (table, request) = request::exact_with_info(socket, sequence)?;
            Some((Answer::new(table, sequence), Message { about: about.clone(), request }))
        };
        self.each(sockets.iter().map(question), on_socket)
    }

    /// Asks these questions together, and hands on what is answered with the place of its question.
    fn each(
        &self,
        questions: impl Iterator<Item = Option<(Answer, Message)>>,
        on_socket: &mut dyn FnMut(usize, Socket),
    ) -> io::Result<()> {
        let (mut places, mut answers, mut messages) = (Vec::new(), Vec::new(), Vec::new());
        for (place, question) in questions.enumerate() {
            let Some((answer, message)) = question else { continue };
            places.push(place);
            answers.push(answer);
            messages.push(message);
        }
        let mut diag = self.connected()?;
        diag.ask_each(&messages, &mut |at, datagram| {
            let (Some(place), Some(answer)) = (places.get(at), answers.get_mut(at)) else { return };
            let _ = answer.datagram(datagram, |record| on_socket(*place, record.into_socket()));
        });
        *self.diag.borrow_mut() = Some(diag);
        for answer in &answers {
            self.note_undecoded(answer.table(), answer);
        }
        // Nobody who answers, and no such socket, look the same.
        if let Some(answer) = answers.iter().find(|answer| is_not_there(answer.errno)) {
            self.find_out(answer.table());
        }
        Ok(())
    }

    /// One unix socket by its inode; `None` when it is gone.
    pub(crate) fn unix(&self, inode: Inode) -> Option<Socket> {
        let sequence = self.next();
        self.one(Table::Unix, &request::exact_unix(inode, sequence), sequence)
    }

    fn one(&self, table: Table, request: &[u8], sequence: u32) -> Option<Socket> {
        if self.is_missing(table) {
            return None;
        }
        let mut answer = Answer::new(table, sequence);
        let mut found = None;
        let asked = self.ask(request, &mut |datagram| {
            answer.datagram(datagram, |record| found = Some(record.into_socket()))
        });
        self.note_undecoded(table, &answer);
        match found {
            Some(_) => self.note(table, false),
            // Nobody who answers, and no such socket, look the same.
            None if is_not_there(answer.errno) => self.find_out(table),
            None => {}
        }
        asked.ok().and(found)
    }

    /// Finds out whether a table's module is missing, where that is not known yet: asks for sockets of no
    /// state.
    fn find_out(&self, table: Table) {
        let is_known = || self.missing.borrow().iter().any(|(protocol, _)| *protocol == table.protocol());
        if is_known() {
            return;
        }
        let ask_nothing = |sequence| request::dump(table, States::None, sequence);
        let _ = self.run(table, &ask_nothing, &mut |_: Record<'_>| {});
        if !is_known() {
            self.note(table, false);
        }
    }

    fn run(
        &self,
        table: Table,
        request: &dyn Fn(u32) -> Vec<u8>,
        sink: &mut dyn RecordSink,
    ) -> Result<Vec<Gap>, Refusal> {
        if self.is_missing(table) {
            return Err(refused(table, NOT_THERE));
        }
        let mut attempt = 1;
        loop {
            let sequence = self.next();
            let mut answer = Answer::new(table, sequence);
            sink.begin(table);
            let asked = self.ask(&request(sequence), &mut |datagram| {
                answer.datagram(datagram, |record| sink.record(record))
            });
            let disturbed = match &asked {
                Ok(()) => answer.interrupted || !answer.complete && answer.errno.is_none(),
                Err(error) => is_disturbance(error),
            };
            if disturbed && attempt < ATTEMPTS {
                attempt += 1;
                continue;
            }
            if asked.is_ok() {
                self.note(table, is_not_there(answer.errno));
            }
            return match asked {
                Err(error) if !disturbed => Err(Refusal::SockDiag(error)),
                Ok(()) if answer.errno.is_some() => Err(refused(table, answer.errno)),
                _ => Ok(shortcomings(table, &answer, disturbed)),
            };
        }
    }

    fn ask(&self, request: &[u8], on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
        let mut diag = self.connected()?;
        diag.ask(request, on_datagram)?;
        *self.diag.borrow_mut() = Some(diag);
        Ok(())
    }

    fn connected(&self) -> io::Result<Box<dyn Diag + 'h>> {
        let taken = self.diag.borrow_mut().take();
        taken.map_or_else(|| open(self.host, self.netns), Ok)
    }

    fn next(&self) -> u32 {
        self.sequence.set(self.sequence.get().wrapping_add(1));
        self.sequence.get()
    }
}
