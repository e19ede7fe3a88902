//! A conversation with NETLINK_SOCK_DIAG that a worker holds.

use std::cell::RefCell;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::host::guarded::Guarded;
use crate::host::guarded::question::Question;
use crate::host::guarded::silent::Subject;
use crate::host::worker::{Trouble, Worker};
use crate::host::{Diag, Host, Message};
use crate::model::netns::NetnsFile;

/// The worker that holds it does nothing else meanwhile.
pub(super) struct Conversation<'g> {
    guarded: &'g Guarded,
    netns: Option<NetnsFile>,
    sockstat: Vec<u8>,
    /// `None` once it has not answered.
    worker: RefCell<Option<Worker>>,
}

impl<'g> Conversation<'g> {
    /// Opens one; directly where there is no worker.
    pub(super) fn open(guarded: &'g Guarded, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + 'g>> {
        let way_in = netns.map(NetnsFile::whole_path);
        let subject =
            way_in.map_or_else(|| Subject::Sockets("sockets".to_owned(), None), |path| Subject::of(&path));
        if guarded.is_hopeless(&subject) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let Some(worker) = guarded.worker() else {
            return guarded.no_worker(&subject).map_or_else(|| guarded.live.diag(netns), Err);
        };
        let mut talk = Conversation {
            guarded,
            netns: netns.cloned(),
            sockstat: Vec::new(),
            worker: RefCell::new(Some(worker)),
        };
        let mut sockstat = Vec::new();
        talk.say(&Question::Open(netns.cloned()), subject, &mut |part| sockstat.extend_from_slice(part))?;
        talk.sockstat = sockstat;
        Ok(Box::new(talk))
    }

    fn say(&self, question: &Question, subject: Subject, on_more: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        if self.guarded.is_hopeless(&subject) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut worker = self.worker.borrow_mut().take().ok_or(io::ErrorKind::NotConnected)?;
        let budget = &self.guarded.budget;
        match worker.ask(question.encode().as_slice(), budget, Duration::ZERO, on_more) {
            Ok(()) => {
                *self.worker.borrow_mut() = Some(worker);
                Ok(())
            }
            Err(Trouble::Refused(error)) => {
                *self.worker.borrow_mut() = Some(worker);
                Err(error)
            }
            Err(trouble) => Err(self.guarded.despair(worker, trouble, subject)),
        }
    }

    /// The worker, with its conversation, which is begun anew after one that did not answer.
    fn connected(&mut self) -> Option<Worker> {
        if let Some(worker) = self.worker.get_mut().take() {
            return Some(worker);
        }
        let Some(mut worker) = self.guarded.worker() else {
            self.guarded.silent().lacked += 1;
            return None;
        };
        let open = Question::Open(self.netns.clone()).encode();
        match worker.ask(open.as_slice(), &self.guarded.budget, Duration::ZERO, &mut |_| {}) {
            Ok(()) => return Some(worker),
            Err(Trouble::Refused(error)) => {
                self.guarded.silent().add_refused(&error);
                self.guarded.give_back(worker);
            }
            Err(trouble) => drop(self.guarded.despair(worker, trouble, self.subject("sockets"))),
        }
        None
    }

    fn subject_of(&self, message: &Message) -> Subject {
        match self.subject(&message.about) {
            Subject::Sockets(name, _) => Subject::Sockets(name, message.pid),
            subject => subject,
        }
    }

    fn subject(&self, what: &str) -> Subject {
        let of = match &self.netns {
            Some(netns) => format!("{what} of {}", netns.whole_path().display()),
            None => what.to_owned(),
        };
        Subject::Sockets(of.escape_default().to_string(), None)
    }
}

impl Diag for Conversation<'_> {
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let subject = self.subject("sockets");
        let mut is_over = false;
        self.say(&Question::Ask { request: request.to_vec() }, subject, &mut |datagram| {
            is_over = is_over || on_datagram(datagram).is_break();
        })
    }

    fn ask_each(&mut self, messages: &[Message], on_datagram: &mut dyn FnMut(usize, &[u8])) {
        let mut next = 0;
        while let Some(message) = messages.get(next) {
            let subject = self.subject_of(message);
            let worker = if self.guarded.is_hopeless(&subject) { None } else { self.connected() };
            let Some(mut worker) = worker else {
                next += 1;
                continue;
            };
            let rest = messages.get(next..).unwrap_or_default();
            let requests = rest.iter().map(|message| message.request.clone()).collect();
            let question = Question::AskEach { requests };
            let budget = &self.guarded.budget;
            let asked = worker.ask(question.encode().as_slice(), budget, Duration::ZERO, &mut |datagram| {
                match datagram {
                    [] => next += 1,
                    datagram => on_datagram(next, datagram),
                }
            });
            match asked {
                Ok(()) if next >= messages.len() => *self.worker.get_mut() = Some(worker),
                // The conversation is over, and the one after that begins anew.
                Ok(()) | Err(Trouble::Refused(_)) => {
                    let error = match asked {
                        Err(Trouble::Refused(error)) => error,
                        _ => io::ErrorKind::InvalidData.into(),
                    };
                    self.guarded.silent().add_refused(&error);
                    self.guarded.give_back(worker);
                    next += 1;
                }
                Err(trouble) => {
                    let subject = messages.get(next).map_or(subject, |message| self.subject_of(message));
                    let _ = self.guarded.despair(worker, trouble, subject);
                    next += 1;
                }
            }
        }
    }

    fn sockstat(&self) -> &[u8] {
        &self.sockstat
    }

    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut file = Vec::new();
        let question = Question::ProcNet(name.to_owned());
        self.say(&question, self.subject(name), &mut |part| file.extend_from_slice(part)).map(|()| file)
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        let mut name = Vec::new();
        let question = Question::InterfaceNameThere(index);
        self.say(&question, self.subject("interfaces"), &mut |part| name.extend_from_slice(part))?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    }
}

impl Drop for Conversation<'_> {
    fn drop(&mut self) {
        let Some(mut worker) = self.worker.borrow_mut().take() else { return };
        // An open conversation keeps its namespace alive.
        let close = Question::Close.encode();
        match worker.ask(close.as_slice(), &self.guarded.budget, Duration::ZERO, &mut |_| {}) {
            Ok(()) => self.guarded.give_back(worker),
            Err(_) => drop(worker),
        }
    }
}
