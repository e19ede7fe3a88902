//! What a worker does when it is asked about the host.

use std::io;
use std::ops::ControlFlow;

use crate::diag::decode::ends;
use crate::host::diag::Diag;
use crate::host::guarded::question::sight::encode_sight;
use crate::host::guarded::question::{FileQuestion, HostQuestion, ProcessQuestion, TalkQuestion};
use crate::host::live::Live;
use crate::host::seam::Host;
use crate::host::sight::Sight;
use crate::host::worker::errors::encode_error;
use crate::host::worker::many::Many;
use crate::host::worker::service::{AnswerWriter, serve};
use crate::host::worker::words::Words;

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
        serve(input, out, &mut |bytes, answer| match HostQuestion::decode(bytes) {
            Some(question) => self.answer(question, &mut talk, answer),
            None => Err(io::ErrorKind::InvalidInput.into()),
        })
    }

    fn answer<'l>(
        &'l self,
        question: HostQuestion,
        talk: &mut Talk<'l>,
        answer: &mut AnswerWriter<'_>,
    ) -> io::Result<()> {
        match question {
            HostQuestion::File(question) => about_files(&self.live, question, answer),
            HostQuestion::Process(question) => about_processes(&self.live, question, answer),
            HostQuestion::Talk(question) => self.talk(question, talk, answer),
            HostQuestion::InterfaceName(index) => {
                answer.more(self.live.interface_name(index)?.as_bytes());
                Ok(())
            }
        }
    }

    fn talk<'l>(
        &'l self,
        question: TalkQuestion,
        talk: &mut Talk<'l>,
        answer: &mut AnswerWriter<'_>,
    ) -> io::Result<()> {
        match question {
            TalkQuestion::Open(netns) => {
                *talk = None;
                let opened = self.live.diag(netns.as_ref())?;
                answer.more(opened.sockstat());
                *talk = Some(opened);
            }
            TalkQuestion::Ask { request } => in_conversation(talk, |diag| ask(diag, &request, answer))?,
            TalkQuestion::AskEach { requests } => in_conversation(talk, |diag| {
                for request in requests {
                    ask(diag, &request, answer)?;
                    answer.more(&[]);
                }
                Ok(())
            })?,
            TalkQuestion::ProcNet(name) => in_parts(&in_talk(talk)?.proc_net(&name)?, answer),
            TalkQuestion::InterfaceName(index) => {
                answer.more(in_talk(talk)?.interface_name(index)?.as_bytes());
            }
            TalkQuestion::Close => *talk = None,
        }
        Ok(())
    }
}

fn in_talk<'t, 'l>(talk: &'t mut Talk<'l>) -> io::Result<&'t mut (dyn Diag + 'l)> {
    talk.as_deref_mut().ok_or(io::ErrorKind::NotConnected.into())
}

/// Asks the kernel in the conversation, which ends with an error: the rest of an answer may still come.
fn in_conversation<'l>(
    talk: &mut Talk<'l>,
    ask: impl FnOnce(&mut (dyn Diag + 'l)) -> io::Result<()>,
) -> io::Result<()> {
    let asked = ask(in_talk(talk)?);
    if asked.is_err() {
        *talk = None;
    }
    asked
}

fn about_files(live: &Live, question: FileQuestion, answer: &mut AnswerWriter<'_>) -> io::Result<()> {
    match question {
        FileQuestion::Read { path, limit } => {
            let mut file = Vec::new();
            live.read_limited(&path, limit, &mut file)?;
            in_parts(&file, answer);
        }
        FileQuestion::ReadAt { path, offset, length } => {
            let mut piece = vec![0; usize::try_from(length).unwrap_or(0).min(1 << 24)];
            let read = live.read_at(&path, offset, &mut piece)?;
            answer.more(piece.get(..read).unwrap_or_default());
        }
        FileQuestion::ReadEach { paths, limit } => {
            let mut file = Vec::new();
            for path in paths {
                let words = match live.read_limited(&path, limit, &mut file) {
                    Ok(()) => Words::of(0).bytes(&file),
                    Err(error) => Words::of(1).bytes(&encode_error(&error)),
                };
                answer.more(words.as_slice());
            }
        }
        FileQuestion::ReadDir(path) => {
            let mut many = Many::to(answer);
            live.read_dir(&path, &mut |name| many.add(|words| words.bytes(name)))?;
        }
        FileQuestion::Subdirectories(path) => {
            let mut many = Many::to(answer);
            live.subdirectories(&path, &mut |name, inode| {
                many.add(|words| words.bytes(name).number(inode));
            })?;
        }
        FileQuestion::ReadLinks(paths) => {
            for path in paths {
                let words = match live.read_link(&path) {
                    Ok(link) => Words::of(0).bytes(&link),
                    Err(error) => Words::of(1).bytes(&encode_error(&error)),
                };
                answer.more(words.as_slice());
            }
        }
        FileQuestion::ReadLink(path) => answer.more(&live.read_link(&path)?),
        FileQuestion::Inode(path) => answer.more(Words::default().number(live.inode(&path)?).as_slice()),
        FileQuestion::Xattr { path, name } => answer.more(&live.xattr(&path, &name)?),
    }
    Ok(())
}

fn about_processes(live: &Live, question: ProcessQuestion, answer: &mut AnswerWriter<'_>) -> io::Result<()> {
    match question {
        ProcessQuestion::FdLinks(pid) => {
            let mut many = Many::to(answer);
            live.fd_links(pid, &mut |fd, target| {
                many.add(|words| words.number(fd.into()).bytes(target));
            })?;
        }
        ProcessQuestion::SharesDescriptors { pid, tid } => {
            answer.more(&[u8::from(live.shares_descriptors(pid, tid)?)]);
        }
        ProcessQuestion::ShowsOwnPids => answer.more(&[u8::from(live.shows_own_pids())]),
        ProcessQuestion::Look { pids, at } => {
            let mut many = Many::to(answer);
            live.look_at_each(&pids, at, &mut |_, sight| {
                many.add(|words| encode_sight(&sight, words));
                // With its end each process is handed on: whoever reads this knows who has answered.
                if matches!(sight, Sight::End(_)) {
                    many.hand_on();
                }
            });
        }
    }
    Ok(())
}

/// Hands on each datagram of an answer.
fn ask(diag: &mut dyn Diag, request: &[u8], answer: &mut AnswerWriter<'_>) -> io::Result<()> {
    diag.ask(request, &mut |datagram| {
        answer.more(datagram);
        if ends(request, datagram) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

fn in_parts(file: &[u8], answer: &mut AnswerWriter<'_>) {
    const MOST: usize = 1 << 20;
    file.chunks(MOST).for_each(|part| answer.more(part));
}
