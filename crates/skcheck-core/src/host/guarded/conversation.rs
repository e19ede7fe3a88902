//! A conversation with NETLINK_SOCK_DIAG that a worker holds.

use std::cell::RefCell;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use crate::host::diag::{Diag, Message};
use crate::host::guarded::asker::Guarded;
use crate::host::guarded::question::{HostQuestion, TalkQuestion};
use crate::host::guarded::subject::Subject;
use crate::host::seam::Host;
use crate::host::worker::{Trouble, Worker};
use crate::model::netns::NetnsFile;
use crate::model::place::{NetnsName, Place};

/// The worker that holds it does nothing else meanwhile.
pub(super) struct WorkerConversation<'g> {
    guarded: &'g Guarded,
    netns: Option<NetnsFile>,
    sockstat: Vec<u8>,
    /// `None` once it has not answered.
    worker: RefCell<Option<Worker>>,
}

impl<'g> WorkerConversation<'g> {
    /// Opens one; directly where there is no worker.
    pub(super) fn open(guarded: &'g Guarded, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + 'g>> {
        let way_in = netns.map(NetnsFile::whole_path);
        let subject =
            way_in.map_or_else(|| Subject::Sockets(Place::SockDiag, None), |path| Subject::of(&path));
        if guarded.is_hopeless(&subject) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let Some(worker) = guarded.pool.take() else {
            return guarded.no_worker(&subject).map_or_else(|| guarded.live.diag(netns), Err);
        };
        let mut talk = WorkerConversation {
            guarded,
            netns: netns.cloned(),
            sockstat: Vec::new(),
            worker: RefCell::new(Some(worker)),
        };
        let mut sockstat = Vec::new();
        talk.say(TalkQuestion::Open(netns.cloned()), subject, &mut |part| sockstat.extend_from_slice(part))?;
        talk.sockstat = sockstat;
        Ok(Box::new(talk))
    }

    fn say(
        &self,
        question: TalkQuestion,
        subject: Subject,
        on_more: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()> {
        if self.guarded.is_hopeless(&subject) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut worker = self.worker.borrow_mut().take().ok_or(io::ErrorKind::NotConnected)?;
        let budget = self.guarded.budget();
        let asked =
            worker.ask(HostQuestion::from(question).encode().as_slice(), budget, Duration::ZERO, on_more);
        self.guarded.settle_into(worker, asked, subject, |worker| *self.worker.borrow_mut() = Some(worker))
    }

    /// The worker, with its conversation, which is begun anew after one that did not answer.
    fn connected(&mut self) -> Option<Worker> {
        if let Some(worker) = self.worker.get_mut().take() {
            return Some(worker);
        }
        let Some(mut worker) = self.guarded.pool.take() else {
            self.guarded.silent().lacked += 1;
            return None;
        };
        let open = HostQuestion::from(TalkQuestion::Open(self.netns.clone())).encode();
        let opened = worker.ask(open.as_slice(), self.guarded.budget(), Duration::ZERO, &mut |_| {});
        if opened.is_ok() {
            return Some(worker);
        }
        if let Err(Trouble::Refused(error)) = &opened {
            self.guarded.silent().add_refused(error);
        }
        let _ = self.guarded.settle(worker, opened, self.subject(Place::SockDiag));
        None
    }

    fn subject(&self, about: Place) -> Subject {
        Subject::Sockets(about, self.netns.as_ref().map(NetnsName::of_file))
    }
}

impl Diag for WorkerConversation<'_> {
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let subject = self.subject(Place::SockDiag);
        let mut is_over = false;
        self.say(TalkQuestion::Ask { request: request.to_vec() }, subject, &mut |datagram| {
            is_over = is_over || on_datagram(datagram).is_break();
        })
    }

    fn ask_each(&mut self, messages: &[Message], on_datagram: &mut dyn FnMut(usize, &[u8])) {
        let mut next = 0;
        while let Some(message) = messages.get(next) {
            let subject = self.subject(message.about.clone());
            let worker = if self.guarded.is_hopeless(&subject) { None } else { self.connected() };
            let Some(mut worker) = worker else {
                next += 1;
                continue;
            };
            let rest = messages.get(next..).unwrap_or_default();
            let requests = rest.iter().map(|message| message.request.clone()).collect();
            let question = HostQuestion::from(TalkQuestion::AskEach { requests }).encode();
            let budget = self.guarded.budget();
            let asked =
                worker.ask(question.as_slice(), budget, Duration::ZERO, &mut |datagram| match datagram {
                    [] => next += 1,
                    datagram => on_datagram(next, datagram),
                });
            // Otherwise the conversation is over, and the one after that begins anew.
            match &asked {
                Ok(()) if next >= messages.len() => {
                    *self.worker.get_mut() = Some(worker);
                    return;
                }
                Ok(()) => self.guarded.silent().add_refused(&io::ErrorKind::InvalidData.into()),
                Err(Trouble::Refused(error)) => self.guarded.silent().add_refused(error),
                Err(_) => {}
            }
            let subject = messages.get(next).map_or(subject, |message| self.subject(message.about.clone()));
            let _ = self.guarded.settle(worker, asked, subject);
            next += 1;
        }
    }

    fn sockstat(&self) -> &[u8] {
        &self.sockstat
    }

    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut file = Vec::new();
        let question = TalkQuestion::ProcNet(name.to_owned());
        let subject = self.subject(Place::file(Path::new("/proc/net").join(name)));
        self.say(question, subject, &mut |part| file.extend_from_slice(part)).map(|()| file)
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        let mut name = Vec::new();
        let question = TalkQuestion::InterfaceName(index);
        self.say(question, self.subject(Place::Interfaces), &mut |part| name.extend_from_slice(part))?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    }
}

impl Drop for WorkerConversation<'_> {
    fn drop(&mut self) {
        let Some(mut worker) = self.worker.borrow_mut().take() else { return };
        // An open conversation keeps its namespace alive.
        let close = HostQuestion::from(TalkQuestion::Close).encode();
        if worker.ask(close.as_slice(), self.guarded.budget(), Duration::ZERO, &mut |_| {}).is_ok() {
            self.guarded.pool.give_back(worker);
        }
    }
}
