//! What a worker does when it is asked about the host.

use std::io;
use std::ops::ControlFlow;

use crate::diag::decode::ends;
use crate::host::guarded::question::{Question, encode_sight};
use crate::host::live::Live;
use crate::host::worker::Answer;
use crate::host::worker::frames::encode_error;
use crate::host::worker::many::Many;
use crate::host::worker::words::Words;
use crate::host::{Diag, Host};

/// Answers questions about the host that runs, one after the other.
#[derive(Debug)]
pub struct Answering {
    live: Live,
}

/// The conversation with a namespace that is going on.
type Talk<'l> = Option<Box<dyn Diag + 'l>>;

impl Answering {
    /// About the host that `live` shows. This process does nothing else.
    pub fn new(live: Live) -> Answering {
        Answering { live: live.alone() }
    }

    /// Answers until there are no more questions.
    ///
    /// # Errors
    /// When nobody is there any more to be answered.
    pub fn serve(&self, input: &mut dyn io::Read, out: &mut dyn io::Write) -> io::Result<()> {
        let mut talk: Talk<'_> = None;
        crate::host::worker::serve(input, out, &mut |bytes, answer| match Question::decode(bytes) {
            Some(question) => self.answer(question, &mut talk, answer),
            None => Err(io::ErrorKind::InvalidInput.into()),
        })
    }

    fn answer<'l>(
        &'l self,
        question: Question,
        talk: &mut Talk<'l>,
        answer: &mut Answer<'_>,
    ) -> io::Result<()> {
        let live = &self.live;
        let talking = |talk: &mut Talk<'l>| talk.take().ok_or(io::Error::from(io::ErrorKind::NotConnected));
        match question {
            Question::Read { path, limit } => {
                let mut file = Vec::new();
                live.read_limited(&path, limit, &mut file)?;
                in_parts(&file, answer);
            }
            Question::ReadAt { path, offset, length } => {
                let mut piece = vec![0; usize::try_from(length).unwrap_or(0).min(1 << 24)];
                let read = live.read_at(&path, offset, &mut piece)?;
                answer.more(piece.get(..read).unwrap_or_default());
            }
            Question::ReadEach { paths, limit } => {
                let mut file = Vec::new();
                for path in paths {
                    let words = match live.read_limited(&path, limit, &mut file) {
                        Ok(()) => Words::of(0).bytes(&file),
                        Err(error) => Words::of(1).bytes(&encode_error(&error)),
                    };
                    answer.more(words.as_slice());
                }
            }
            Question::ReadDir(path) => {
                let mut many = Many::to(answer);
                live.read_dir(&path, &mut |name| many.add(&Words::default().bytes(name)))?;
            }
            Question::Subdirectories(path) => {
                let mut many = Many::to(answer);
                live.subdirectories(&path, &mut |name, inode| {
                    many.add(&Words::default().bytes(name).number(inode));
                })?;
            }
            Question::ReadLink(path) => answer.more(&live.read_link(&path)?),
            Question::Inode(path) => answer.more(Words::default().number(live.inode(&path)?).as_slice()),
            Question::Xattr { path, name } => answer.more(&live.xattr(&path, &name)?),
            Question::InterfaceName(index) => answer.more(live.interface_name(index)?.as_bytes()),
            Question::FdLinks(pid) => {
                let mut many = Many::to(answer);
                live.fd_links(pid, &mut |fd, target| {
                    many.add(&Words::default().number(fd.into()).bytes(target));
                })?;
            }
            Question::SharesDescriptors { pid, tid } => {
                answer.more(&[u8::from(live.shares_descriptors(pid, tid)?)]);
            }
            Question::ShowsOwnPids => answer.more(&[u8::from(live.shows_own_pids())]),
            Question::Look { pids, at } => {
                // With its end each process is handed on: whoever reads this knows who has answered.
                for pid in pids {
                    let mut many = Many::to(answer);
                    live.look_at_each(&[pid], at, &mut |_, sight| many.add(&encode_sight(&sight)));
                }
            }
            Question::Open(netns) => {
                *talk = None;
                let opened = live.diag(netns.as_ref())?;
                answer.more(opened.sockstat());
                *talk = Some(opened);
            }
            Question::Ask { request } => {
                let mut diag = talking(talk)?;
                ask(&mut *diag, &request, answer)?;
                *talk = Some(diag);
            }
            Question::AskEach { requests } => {
                let mut diag = talking(talk)?;
                for request in requests {
                    ask(&mut *diag, &request, answer)?;
                    answer.more(&[]);
                }
                *talk = Some(diag);
            }
            Question::ProcNet(name) => {
                let diag = talking(talk)?;
                let file = diag.proc_net(&name);
                *talk = Some(diag);
                in_parts(&file?, answer);
            }
            Question::InterfaceNameThere(index) => {
                let diag = talking(talk)?;
                let name = diag.interface_name(index);
                *talk = Some(diag);
                answer.more(name?.as_bytes());
            }
            Question::Close => *talk = None,
        }
        Ok(())
    }
}

/// Hands on each datagram of an answer.
fn ask(diag: &mut dyn Diag, request: &[u8], answer: &mut Answer<'_>) -> io::Result<()> {
    diag.ask(request, &mut |datagram| {
        answer.more(datagram);
        if ends(request, datagram) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

fn in_parts(file: &[u8], answer: &mut Answer<'_>) {
    const MOST: usize = 1 << 20;
    file.chunks(MOST).for_each(|part| answer.more(part));
}
