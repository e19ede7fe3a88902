//! What the engine's processes are asked, and the words of their answers.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use skcheck_core::engine::{Limits, Tally, Target};
use skcheck_core::host::worker::words::{WordReader, Words};
use skcheck_core::{Cookie, Inode, Netns, NetnsFile, NetnsId, Protocol};

use crate::error::{Error, Kind};
use crate::find::{Counted, Question};

/// A question.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    /// Whether the programs are loaded, or why not.
    Loaded,
    Find(Question),
    Holders(Vec<Inode>),
    Walk {
        targets: Vec<OwnTarget>,
        limits: Limits,
    },
}

/// A socket to walk, with the namespace that it is in.
#[derive(Debug, PartialEq)]
pub(super) struct OwnTarget {
    cookie: Cookie,
    protocol: Protocol,
    netns: Option<Netns>,
}

impl OwnTarget {
    pub(super) fn borrowed(&self) -> Target<'_> {
        Target { cookie: self.cookie, protocol: self.protocol, netns: self.netns.as_ref() }
    }
}

const LOADED: u8 = 1;
const FIND: u8 = 2;
const HOLDERS: u8 = 3;
const WALK: u8 = 4;

/// All protocols, so that one is known by its place.
const PROTOCOLS: [Protocol; 11] = [
    Protocol::Tcp,
    Protocol::Udp,
    Protocol::UdpLite,
    Protocol::UnixStream,
    Protocol::UnixDatagram,
    Protocol::UnixSeqpacket,
    Protocol::Mptcp,
    Protocol::Raw,
    Protocol::Ping,
    Protocol::Packet,
    Protocol::Netlink,
];

impl Asked {
    pub(super) fn walk(targets: &[Target<'_>], limits: &Limits) -> Asked {
        let own = |target: &Target<'_>| OwnTarget {
            cookie: target.cookie,
            protocol: target.protocol,
            // Only who locks a socket looks for it in its namespace.
            netns: target.netns.filter(|_| limits.lock).cloned(),
        };
        Asked::Walk { targets: targets.iter().map(own).collect(), limits: *limits }
    }

    pub(super) fn encode(&self) -> Words {
        match self {
            Asked::Loaded => Words::of(LOADED),
            Asked::Find(Question(numbers)) => {
                numbers.iter().fold(Words::of(FIND), |words, number| words.number(*number))
            }
            Asked::Holders(inodes) => {
                inodes.iter().fold(Words::of(HOLDERS), |words, inode| words.number(inode.get().into()))
            }
            Asked::Walk { targets, limits } => {
                let time = limits.time.map_or(u64::MAX, nanoseconds);
                let words = Words::of(WALK).number(limits.packets.into()).number(time);
                targets.iter().fold(words.byte(limits.lock.into()), encode_target)
            }
        }
    }

    /// `None` for what is no question.
    pub(super) fn decode(question: &[u8]) -> Option<Asked> {
        let mut words = WordReader::of(question);
        let asked = match words.byte()? {
            LOADED => Asked::Loaded,
            FIND => {
                let mut numbers = [0; 4];
                for number in &mut numbers {
                    *number = words.number()?;
                }
                Asked::Find(Question(numbers))
            }
            HOLDERS => {
                let mut inodes = Vec::new();
                while !words.is_at_end() {
                    inodes.push(Inode::new(words.small()?)?);
                }
                Asked::Holders(inodes)
            }
            WALK => {
                let packets = words.small()?;
                let time = Some(words.number()?).filter(|time| *time != u64::MAX).map(Duration::from_nanos);
                let lock = words.byte()? != 0;
                let mut targets = Vec::new();
                while !words.is_at_end() {
                    targets.push(decode_target(&mut words)?);
                }
                let mut limits = Limits { packets, time, ..Limits::default() };
                limits.lock = lock;
                Asked::Walk { targets, limits }
            }
            _ => return None,
        };
        words.is_at_end().then_some(asked)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn encode_target(words: Words, target: &OwnTarget) -> Words {
    let protocol = PROTOCOLS.iter().position(|protocol| *protocol == target.protocol);
    let words =
        words.number(target.cookie.0).byte(protocol.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX));
    let Some(netns) = &target.netns else { return words.byte(0) };
    let words = words.byte(1 + u8::from(netns.own)).number(netns.id.map_or(0, |id| id.0));
    let words = words.number(netns.files().len() as u64);
    netns.files().iter().fold(words, |words, file| {
        let root = file.root.as_deref().map_or(&b""[..], bytes);
        words.number(file.inode).bytes(bytes(&file.path)).bytes(root)
    })
}

fn decode_target(words: &mut WordReader<'_>) -> Option<OwnTarget> {
    let cookie = Cookie(words.number()?);
    let protocol = *PROTOCOLS.get(usize::from(words.byte()?))?;
    let kind = words.byte()?;
    if kind == 0 {
        return Some(OwnTarget { cookie, protocol, netns: None });
    }
    let id = Some(words.number()?).filter(|id| *id != 0).map(NetnsId);
    let mut files = Vec::new();
    for _ in 0..words.number()? {
        let inode = words.number()?;
        let path = OsStr::from_bytes(words.bytes()?).into();
        let root = words.bytes()?;
        let root = (!root.is_empty()).then(|| OsStr::from_bytes(root).into());
        files.push(NetnsFile { root, path, inode });
    }
    Some(OwnTarget { cookie, protocol, netns: Some(Netns::of_files(id, kind == 2, files)) })
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

impl Counted {
    pub(super) fn encode(&self, words: Words) -> Words {
        let words = words.number(self.descriptors).number(self.apart.len() as u64);
        let words =
            self.apart.iter().fold(words, |words, (name, sockets)| words.bytes(name).number(*sockets));
        self.namespaces.iter().fold(words, |words, it| {
            words.number(it.netns.0).number(it.sockets).number(it.tcp_memory.cast_unsigned())
        })
    }

    pub(super) fn decode(mut words: WordReader<'_>) -> Option<Counted> {
        let descriptors = words.number()?;
        let mut apart = BTreeMap::new();
        for _ in 0..words.number()? {
            apart.insert(words.bytes()?.to_vec(), words.number()?);
        }
        let mut namespaces = Vec::new();
        while !words.is_at_end() {
            let netns = NetnsId(words.number()?);
            let (sockets, tcp_memory) = (words.number()?, words.number()?.cast_signed());
            namespaces.push(Tally { netns, sockets, tcp_memory });
        }
        Some(Counted { descriptors, namespaces, apart })
    }
}

/// All kinds of errors, so that one is known by its place.
const KINDS: [Kind; 10] = [
    Kind::Defect,
    Kind::Stuck,
    Kind::Privilege,
    Kind::Lockdown,
    Kind::NoBtf,
    Kind::TooOld,
    Kind::Verifier,
    Kind::Memory,
    Kind::Descriptors,
    Kind::Threads,
];

impl Error {
    pub(super) fn encode(&self, words: Words) -> Words {
        let kind = KINDS.iter().position(|kind| *kind == self.kind()).unwrap_or(0);
        words.number(kind as u64).bytes(self.to_string().as_bytes())
    }

    pub(super) fn decode(mut words: WordReader<'_>) -> Option<Error> {
        let kind = usize::try_from(words.number()?).ok().and_then(|at| KINDS.get(at).copied());
        let context = String::from_utf8_lossy(words.bytes()?).into_owned();
        Some(Error::new(kind.unwrap_or(Kind::Defect), context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_arrive_as_they_were_asked() {
        let files = vec![
            NetnsFile { root: None, path: "/proc/7/ns/net".into(), inode: 9 },
            NetnsFile { root: Some("/proc/1/root".into()), path: "/run/netns/a".into(), inode: 9 },
        ];
        let netns = Netns::of_files(Some(NetnsId(9)), false, files);
        let target = |protocol, netns| Target { cookie: Cookie(5), protocol, netns };
        let targets = [target(Protocol::Tcp, Some(&netns)), target(Protocol::Netlink, None)];
        let mut limits = Limits { packets: 7, time: Some(Duration::from_millis(200)), ..Limits::default() };
        let unlocked = Asked::walk(&targets, &limits);
        limits.lock = true;
        let questions = [
            Asked::Loaded,
            Asked::Find(Question([1, 2, 3, u64::MAX])),
            Asked::Holders([7, 8].into_iter().filter_map(Inode::new).collect()),
            unlocked,
            Asked::walk(&targets, &limits),
            Asked::walk(&[], &Limits::default()),
        ];
        for asked in questions {
            assert_eq!(Asked::decode(asked.encode().as_slice()), Some(asked));
        }
        for bytes in [&[][..], &[0], &[FIND, 1], &[WALK, 0, 0]] {
            assert_eq!(Asked::decode(bytes), None);
        }
    }

    #[test]
    fn answers_arrive_as_they_were_given() {
        let tally = Tally { netns: NetnsId(1), sockets: 2, tcp_memory: -3 };
        let apart = BTreeMap::from([(b"ALG".to_vec(), 4), (Vec::new(), 5)]);
        let counted = Counted { descriptors: 9, namespaces: vec![tally], apart };
        let words = counted.encode(Words::default());
        assert_eq!(Counted::decode(WordReader::of(words.as_slice())), Some(counted));
        for kind in KINDS {
            let words = Error::new(kind, "why").encode(Words::default());
            let decoded = Error::decode(WordReader::of(words.as_slice())).unwrap();
            assert_eq!((decoded.kind(), decoded.to_string()), (kind, "why".to_owned()));
        }
        assert!(Error::decode(WordReader::of(&[])).is_none());
    }
}
