//! What the engine's processes are asked.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use skcheck_core::engine::{Limits, Target};
use skcheck_core::host::worker::{WordReader, Words};
use skcheck_core::{Cookie, Inode, Netns, NetnsFile, NetnsId, Protocol, SocketName};
use zerocopy::{FromBytes, IntoBytes};

use crate::wire::FilterValue;

/// One of them.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    /// Whether the programs are loaded, or why not.
    Loaded,
    Find(FilterValue),
    Holders(Vec<Inode>),
    Walk {
        targets: Vec<OwnTarget>,
        limits: Limits,
    },
}

/// A socket to walk, with the namespace that it is in.
#[derive(Debug, PartialEq)]
pub(super) struct OwnTarget {
    name: SocketName,
    protocol: Protocol,
    netns: Option<Netns>,
    pid: Option<u32>,
}

impl OwnTarget {
    pub(super) fn borrowed(&self) -> Target<'_> {
        let mut target = Target::new(self.name, self.protocol);
        (target.netns, target.pid) = (self.netns.as_ref(), self.pid);
        target
    }
}

const LOADED: u8 = 1;
const FIND: u8 = 2;
const HOLDERS: u8 = 3;
const WALK: u8 = 4;

/// A protocol is known by its place among all: both ends are one program.
fn place(protocol: Protocol) -> u8 {
    let place = Protocol::ALL.iter().position(|it| *it == protocol);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

impl Request {
    pub(super) fn walk(targets: &[Target<'_>], limits: &Limits) -> Request {
        let own = |target: &Target<'_>| OwnTarget {
            name: target.name,
            protocol: target.protocol,
            // Only who locks a socket looks for it in its namespace.
            netns: target.netns.filter(|_| limits.lock).cloned(),
            pid: target.pid,
        };
        Request::Walk { targets: targets.iter().map(own).collect(), limits: *limits }
    }

    pub(super) fn encode(&self) -> Words {
        match self {
            Request::Loaded => Words::of(LOADED),
            Request::Find(filter) => Words::of(FIND).bytes(filter.as_bytes()),
            Request::Holders(inodes) => {
                inodes.iter().fold(Words::of(HOLDERS), |words, inode| words.number(inode.get().into()))
            }
            Request::Walk { targets, limits } => {
                let time = limits.time.map_or(u64::MAX, nanoseconds);
                let words = Words::of(WALK).number(limits.packets.into()).number(time);
                targets.iter().fold(words.byte(limits.lock.into()), encode_target)
            }
        }
    }

    /// `None` for what is none.
    pub(super) fn decode(request: &[u8]) -> Option<Request> {
        let mut words = WordReader::of(request);
        let request = match words.byte()? {
            LOADED => Request::Loaded,
            FIND => Request::Find(FilterValue::read_from_bytes(words.bytes()?).ok()?),
            HOLDERS => {
                let mut inodes = Vec::new();
                while !words.is_at_end() {
                    inodes.push(Inode::new(words.small()?)?);
                }
                Request::Holders(inodes)
            }
            WALK => {
                let packets = words.small()?;
                let time = Some(words.number()?).filter(|time| *time != u64::MAX).map(Duration::from_nanos);
                let lock = words.byte()? != 0;
                let mut targets = Vec::new();
                while !words.is_at_end() {
                    targets.push(decode_target(&mut words)?);
                }
                let mut limits = Limits::new(packets, time);
                limits.lock = lock;
                Request::Walk { targets, limits }
            }
            _ => return None,
        };
        words.is_at_end().then_some(request)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn encode_name(words: Words, name: SocketName) -> Words {
    match name {
        SocketName::Cookie(cookie) => words.byte(0).number(cookie.0),
        SocketName::Inode(inode) => words.byte(1).number(inode.get().into()),
    }
}

fn decode_name(words: &mut WordReader<'_>) -> Option<SocketName> {
    match words.byte()? {
        0 => Some(SocketName::Cookie(Cookie(words.number()?))),
        1 => Some(SocketName::Inode(Inode::new(words.small()?)?)),
        _ => None,
    }
}

fn encode_target(words: Words, target: &OwnTarget) -> Words {
    let words = encode_name(words, target.name).byte(place(target.protocol));
    // No process has the number 0.
    let words = words.number(target.pid.unwrap_or(0).into());
    let Some(netns) = &target.netns else { return words.byte(0) };
    let words = words.byte(1 + u8::from(netns.own)).number(netns.id.map_or(0, |id| id.0));
    let words = words.number(netns.files().len() as u64);
    netns.files().iter().fold(words, |words, file| {
        let root = file.root.as_deref().map_or(&b""[..], bytes);
        words.number(file.inode).bytes(bytes(&file.path)).bytes(root)
    })
}

fn decode_target(words: &mut WordReader<'_>) -> Option<OwnTarget> {
    let name = decode_name(words)?;
    let protocol = *Protocol::ALL.get(usize::from(words.byte()?))?;
    let pid = Some(words.small()?).filter(|pid| *pid != 0);
    let kind = words.byte()?;
    if kind == 0 {
        return Some(OwnTarget { name, protocol, netns: None, pid });
    }
    let id = Some(words.number()?).filter(|id| *id != 0).map(NetnsId);
    let mut files = Vec::new();
    for _ in 0..words.number()? {
        let inode = words.number()?;
        let path = OsStr::from_bytes(words.bytes()?);
        let root = words.bytes()?;
        let root = (!root.is_empty()).then(|| OsStr::from_bytes(root).into());
        let mut file = NetnsFile::new(path, inode);
        file.root = root;
        files.push(file);
    }
    Some(OwnTarget { name, protocol, netns: Some(Netns::of_files(id, kind == 2, files)), pid })
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_arrive_as_they_were_made() {
        let mut mounted = NetnsFile::new("/run/netns/a", 9);
        mounted.root = Some("/proc/1/root".into());
        let files = vec![NetnsFile::new("/proc/7/ns/net", 9), mounted];
        let netns = Netns::of_files(Some(NetnsId(9)), false, files);
        let target = |protocol| Target::new(SocketName::Cookie(Cookie(5)), protocol);
        let mut known = target(Protocol::Tcp);
        (known.netns, known.pid) = (Some(&netns), Some(u32::MAX));
        let mut targets = vec![known];
        targets.extend(Protocol::ALL.map(target));
        targets
            .extend(Inode::new(u32::MAX).map(|inode| Target::new(SocketName::Inode(inode), Protocol::Udp)));
        let mut limits = Limits::new(7, Some(Duration::from_millis(200)));
        let unlocked = Request::walk(&targets, &limits);
        limits.lock = true;
        let requests = [
            Request::Loaded,
            Request::Find(FilterValue { families: 1, min_recvq: 2, min_sendq: 3, pid: u64::MAX }),
            Request::Holders([7, 8].into_iter().filter_map(Inode::new).collect()),
            unlocked,
            Request::walk(&targets, &limits),
            Request::walk(&[], &Limits::default()),
        ];
        for request in requests {
            assert_eq!(Request::decode(request.encode().as_slice()), Some(request));
        }
        for bytes in [&[][..], &[0], &[FIND, 1], &[WALK, 0, 0]] {
            assert_eq!(Request::decode(bytes), None);
        }
    }
}
