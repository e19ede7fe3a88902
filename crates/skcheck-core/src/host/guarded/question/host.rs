//! A question about the host, whatever it is about.

use crate::host::guarded::question::file::FileQuestion;
use crate::host::guarded::question::process::ProcessQuestion;
use crate::host::guarded::question::talk::TalkQuestion;
use crate::host::worker::words::{WordReader, Words};

/// A question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HostQuestion {
    File(FileQuestion),
    Process(ProcessQuestion),
    Talk(TalkQuestion),
    /// The name of an interface of the worker's own namespace.
    InterfaceName(u32),
}

const INTERFACE_NAME: u8 = 9;

impl HostQuestion {
    pub(crate) fn encode(&self) -> Words {
        match self {
            HostQuestion::File(question) => question.encode(),
            HostQuestion::Process(question) => question.encode(),
            HostQuestion::Talk(question) => question.encode(),
            HostQuestion::InterfaceName(index) => Words::of(INTERFACE_NAME).number((*index).into()),
        }
    }

    /// `None` for what is no question.
    pub(crate) fn decode(question: &[u8]) -> Option<HostQuestion> {
        let mut words = WordReader::of(question);
        let kind = words.byte()?;
        // A question of another kind takes no word.
        let file = FileQuestion::decode(kind, &mut words).map(HostQuestion::File);
        let process = || ProcessQuestion::decode(kind, &mut words).map(HostQuestion::Process);
        let decoded = match kind {
            INTERFACE_NAME => HostQuestion::InterfaceName(words.small()?),
            _ => file
                .or_else(process)
                .or_else(|| TalkQuestion::decode(kind, &mut words).map(HostQuestion::Talk))?,
        };
        words.is_at_end().then_some(decoded)
    }
}

impl From<FileQuestion> for HostQuestion {
    fn from(question: FileQuestion) -> HostQuestion {
        HostQuestion::File(question)
    }
}

impl From<ProcessQuestion> for HostQuestion {
    fn from(question: ProcessQuestion) -> HostQuestion {
        HostQuestion::Process(question)
    }
}

impl From<TalkQuestion> for HostQuestion {
    fn from(question: TalkQuestion) -> HostQuestion {
        HostQuestion::Talk(question)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;
    use crate::host::guarded::question::process::FD_LINKS;
    use crate::host::sight::Looking;
    use crate::model::netns::NetnsFile;

    #[test]
    fn questions_arrive_as_they_were_asked() {
        let netns = |root| NetnsFile { root, path: "/run/netns/a".into(), inode: 7 };
        let file = HostQuestion::File;
        let process = HostQuestion::Process;
        let talk = HostQuestion::Talk;
        let questions = [
            file(FileQuestion::Read { path: "/a".into(), limit: 9 }),
            file(FileQuestion::ReadAt { path: OsStr::from_bytes(b"/\xff").into(), offset: 1, length: 2 }),
            file(FileQuestion::ReadEach { paths: vec!["/a".into(), "/b".into()], limit: 5 }),
            file(FileQuestion::ReadDir("/proc".into())),
            file(FileQuestion::Subdirectories("/x".into())),
            file(FileQuestion::ReadLink("/proc/1/ns/net".into())),
            file(FileQuestion::ReadLinks(vec!["/proc/1/fd/0".into(), "/proc/2/fd/3".into()])),
            file(FileQuestion::Inode("/".into())),
            file(FileQuestion::Xattr { path: "/a".into(), name: "system.sockprotoname".into() }),
            HostQuestion::InterfaceName(3),
            process(ProcessQuestion::FdLinks(4)),
            process(ProcessQuestion::SharesDescriptors { pid: 1, tid: u32::MAX }),
            process(ProcessQuestion::ShowsOwnPids),
            process(ProcessQuestion::Look {
                pids: vec![1, 2],
                at: Looking { descriptors: true, namespaces: false },
            }),
            talk(TalkQuestion::Open(None)),
            talk(TalkQuestion::Open(Some(netns(None)))),
            talk(TalkQuestion::Open(Some(netns(Some("/proc/1/root".into()))))),
            talk(TalkQuestion::Ask { request: vec![1, 2, 3] }),
            talk(TalkQuestion::AskEach { requests: vec![vec![1], vec![]] }),
            talk(TalkQuestion::ProcNet("sockstat".into())),
            talk(TalkQuestion::InterfaceName(5)),
            talk(TalkQuestion::Close),
        ];
        for question in questions {
            let words = question.encode();
            assert_eq!(HostQuestion::decode(words.as_slice()).as_ref(), Some(&question));
        }
        assert_eq!(HostQuestion::decode(&[]), None);
        assert_eq!(HostQuestion::decode(&[255]), None);
        assert_eq!(HostQuestion::decode(&[FD_LINKS, 1]), None);
    }
}
