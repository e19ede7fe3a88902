//! What a worker is asked about the host, and how the words of its answers are meant.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::host::worker::frames::{decode_error, encode_error};
use crate::host::worker::words::{Reading, Words};
use crate::host::{Looking, Sight};
use crate::model::netns::NetnsFile;

/// A question. Each is one method of [`Host`](crate::host::Host) or [`Diag`](crate::host::Diag).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Question {
    Read {
        path: PathBuf,
        limit: u64,
    },
    ReadAt {
        path: PathBuf,
        offset: u64,
        length: u64,
    },
    ReadEach {
        paths: Vec<PathBuf>,
        limit: u64,
    },
    ReadDir(PathBuf),
    Subdirectories(PathBuf),
    ReadLink(PathBuf),
    Inode(PathBuf),
    Xattr {
        path: PathBuf,
        name: String,
    },
    InterfaceName(u32),
    FdLinks(u32),
    SharesDescriptors {
        pid: u32,
        tid: u32,
    },
    ShowsOwnPids,
    Look {
        pids: Vec<u32>,
        at: Looking,
    },
    /// Opens a conversation with a namespace, in place of the one before.
    Open(Option<NetnsFile>),
    /// In the conversation.
    Ask {
        request: Vec<u8>,
    },
    AskEach {
        requests: Vec<Vec<u8>>,
    },
    ProcNet(String),
    InterfaceNameThere(u32),
    Close,
}

const READ: u8 = 1;
const READ_AT: u8 = 2;
const READ_EACH: u8 = 3;
const READ_DIR: u8 = 4;
const SUBDIRECTORIES: u8 = 5;
const READ_LINK: u8 = 6;
const INODE: u8 = 7;
const XATTR: u8 = 8;
const INTERFACE_NAME: u8 = 9;
const FD_LINKS: u8 = 10;
const SHARES_DESCRIPTORS: u8 = 11;
const SHOWS_OWN_PIDS: u8 = 12;
const LOOK: u8 = 13;
const OPEN: u8 = 14;
const ASK: u8 = 15;
const ASK_EACH: u8 = 16;
const PROC_NET: u8 = 17;
const INTERFACE_NAME_THERE: u8 = 18;
const CLOSE: u8 = 19;

impl Question {
    pub(super) fn encode(&self) -> Words {
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        match self {
            Question::Read { path, limit } => Words::of(READ).number(*limit).bytes(&bytes(path)),
            Question::ReadAt { path, offset, length } => {
                Words::of(READ_AT).number(*offset).number(*length).bytes(&bytes(path))
            }
            Question::ReadEach { paths, limit } => {
                let words = Words::of(READ_EACH).number(*limit);
                paths.iter().fold(words, |words, path| words.bytes(&bytes(path)))
            }
            Question::ReadDir(path) => Words::of(READ_DIR).bytes(&bytes(path)),
            Question::Subdirectories(path) => Words::of(SUBDIRECTORIES).bytes(&bytes(path)),
            Question::ReadLink(path) => Words::of(READ_LINK).bytes(&bytes(path)),
            Question::Inode(path) => Words::of(INODE).bytes(&bytes(path)),
            Question::Xattr { path, name } => Words::of(XATTR).bytes(&bytes(path)).bytes(name.as_bytes()),
            Question::InterfaceName(index) => Words::of(INTERFACE_NAME).number((*index).into()),
            Question::FdLinks(pid) => Words::of(FD_LINKS).number((*pid).into()),
            Question::SharesDescriptors { pid, tid } => {
                Words::of(SHARES_DESCRIPTORS).number((*pid).into()).number((*tid).into())
            }
            Question::ShowsOwnPids => Words::of(SHOWS_OWN_PIDS),
            Question::Look { pids, at } => {
                let words = Words::of(LOOK).byte(u8::from(at.descriptors)).byte(u8::from(at.namespaces));
                pids.iter().fold(words, |words, pid| words.number((*pid).into()))
            }
            Question::Open(None) => Words::of(OPEN),
            Question::Open(Some(NetnsFile { root, path, inode })) => {
                let words = Words::of(OPEN).number(*inode).bytes(&bytes(path));
                root.iter().fold(words, |words, root| words.bytes(&bytes(root)))
            }
            Question::Ask { request } => Words::of(ASK).bytes(request),
            Question::AskEach { requests } => {
                requests.iter().fold(Words::of(ASK_EACH), |words, request| words.bytes(request))
            }
            Question::ProcNet(name) => Words::of(PROC_NET).bytes(name.as_bytes()),
            Question::InterfaceNameThere(index) => Words::of(INTERFACE_NAME_THERE).number((*index).into()),
            Question::Close => Words::of(CLOSE),
        }
    }

    /// `None` for what is no question.
    pub(super) fn decode(question: &[u8]) -> Option<Question> {
        let mut words = Reading::of(question);
        let kind = words.byte()?;
        let decoded = match kind {
            READ => {
                let limit = words.number()?;
                Question::Read { path: path(&mut words)?, limit }
            }
            READ_AT => {
                let (offset, length) = (words.number()?, words.number()?);
                Question::ReadAt { path: path(&mut words)?, offset, length }
            }
            READ_EACH => {
                let limit = words.number()?;
                Question::ReadEach { paths: all(&mut words, path)?, limit }
            }
            READ_DIR => Question::ReadDir(path(&mut words)?),
            SUBDIRECTORIES => Question::Subdirectories(path(&mut words)?),
            READ_LINK => Question::ReadLink(path(&mut words)?),
            INODE => Question::Inode(path(&mut words)?),
            XATTR => Question::Xattr { path: path(&mut words)?, name: text(&mut words)? },
            INTERFACE_NAME => Question::InterfaceName(words.small()?),
            FD_LINKS => Question::FdLinks(words.small()?),
            SHARES_DESCRIPTORS => Question::SharesDescriptors { pid: words.small()?, tid: words.small()? },
            SHOWS_OWN_PIDS => Question::ShowsOwnPids,
            LOOK => {
                let at = Looking { descriptors: words.byte()? != 0, namespaces: words.byte()? != 0 };
                Question::Look { pids: all(&mut words, Reading::small)?, at }
            }
            OPEN if words.is_at_end() => Question::Open(None),
            OPEN => {
                let inode = words.number()?;
                let file = path(&mut words)?;
                let root = if words.is_at_end() { None } else { Some(path(&mut words)?) };
                Question::Open(Some(NetnsFile { root, path: file, inode }))
            }
            ASK => Question::Ask { request: words.bytes()?.to_vec() },
            ASK_EACH => {
                Question::AskEach { requests: all(&mut words, |words| words.bytes().map(<[u8]>::to_vec))? }
            }
            PROC_NET => Question::ProcNet(text(&mut words)?),
            INTERFACE_NAME_THERE => Question::InterfaceNameThere(words.small()?),
            CLOSE => Question::Close,
            _ => return None,
        };
        words.is_at_end().then_some(decoded)
    }
}

fn path(words: &mut Reading<'_>) -> Option<PathBuf> {
    words.bytes().map(|bytes| OsStr::from_bytes(bytes).into())
}

fn text(words: &mut Reading<'_>) -> Option<String> {
    String::from_utf8(words.bytes()?.to_vec()).ok()
}

/// As many as there are.
fn all<'a, T>(words: &mut Reading<'a>, one: impl Fn(&mut Reading<'a>) -> Option<T>) -> Option<Vec<T>> {
    let mut all = Vec::new();
    while !words.is_at_end() {
        all.push(one(words)?);
    }
    Some(all)
}

const END: u8 = 0;
const DESCRIPTOR: u8 = 1;
const NETNS: u8 = 2;
const THREAD_NETNS: u8 = 3;
const MOUNTS: u8 = 4;

/// A sight of a process, as words.
pub(super) fn encode_sight(sight: &Sight<'_>) -> Words {
    match sight {
        Sight::Descriptor { task, fd, target } => {
            Words::of(DESCRIPTOR).number((*task).into()).number((*fd).into()).bytes(target)
        }
        Sight::Netns { task, target } => Words::of(NETNS).number((*task).into()).bytes(target),
        Sight::ThreadNetns { tid, target } => Words::of(THREAD_NETNS).number((*tid).into()).bytes(target),
        Sight::MountNamespace(target) => Words::of(MOUNTS).bytes(target),
        Sight::End(Ok(())) => Words::of(END).bytes(&[]),
        Sight::End(Err(error)) => Words::of(END).bytes(&encode_error(error)),
    }
}

pub(super) fn decode_sight<'a>(words: &mut Reading<'a>) -> Option<Sight<'a>> {
    Some(match words.byte()? {
        DESCRIPTOR => Sight::Descriptor { task: words.small()?, fd: words.small()?, target: words.bytes()? },
        NETNS => Sight::Netns { task: words.small()?, target: words.bytes()? },
        THREAD_NETNS => Sight::ThreadNetns { tid: words.small()?, target: words.bytes()? },
        MOUNTS => Sight::MountNamespace(words.bytes()?),
        END => match words.bytes()? {
            [] => Sight::End(Ok(())),
            error => Sight::End(Err(decode_error(error))),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_arrive_as_they_were_asked() {
        let file = |root| NetnsFile { root, path: "/run/netns/a".into(), inode: 7 };
        let questions = [
            Question::Read { path: "/a".into(), limit: 9 },
            Question::ReadAt { path: OsStr::from_bytes(b"/\xff").into(), offset: 1, length: 2 },
            Question::ReadEach { paths: vec!["/a".into(), "/b".into()], limit: 5 },
            Question::ReadDir("/proc".into()),
            Question::Subdirectories("/x".into()),
            Question::ReadLink("/proc/1/ns/net".into()),
            Question::Inode("/".into()),
            Question::Xattr { path: "/a".into(), name: "system.sockprotoname".into() },
            Question::InterfaceName(3),
            Question::FdLinks(4),
            Question::SharesDescriptors { pid: 1, tid: u32::MAX },
            Question::ShowsOwnPids,
            Question::Look { pids: vec![1, 2], at: Looking { descriptors: true, namespaces: false } },
            Question::Open(None),
            Question::Open(Some(file(None))),
            Question::Open(Some(file(Some("/proc/1/root".into())))),
            Question::Ask { request: vec![1, 2, 3] },
            Question::AskEach { requests: vec![vec![1], vec![]] },
            Question::ProcNet("sockstat".into()),
            Question::InterfaceNameThere(5),
            Question::Close,
        ];
        for question in questions {
            let words = question.encode();
            assert_eq!(Question::decode(words.as_slice()).as_ref(), Some(&question));
        }
        assert_eq!(Question::decode(&[]), None);
        assert_eq!(Question::decode(&[255]), None);
        assert_eq!(Question::decode(&[FD_LINKS, 1]), None);
    }
}
