//! Network namespaces: where they show in /proc, what they are called. Pure.

use std::path::PathBuf;

use crate::container::Container;
use crate::host::NetnsFile;

/// A network namespace's inode number: `net:[N]`. Unique on the host while the namespace lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetnsId(pub u64);

/// A network namespace that a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Netns {
    /// Its inode number; `None` for the scanner's own where /proc does not tell it.
    pub id: Option<NetnsId>,
    /// Its name, as bytes: that of `ip netns`, where it has one.
    pub name: Option<Vec<u8>>,
    /// The container of the process with the lowest id in it; for a pod that is its sandbox. Looked
    /// for only where the namespace has no name and one of the reported sockets is in it.
    pub container: Option<Container>,
    /// Whether it is the namespace that the scanner runs in.
    pub own: bool,
    /// Ways to enter it; none for the scanner's own.
    pub(crate) files: Vec<NetnsFile>,
}

impl Netns {
    /// The scanner's own namespace.
    pub fn own(id: Option<NetnsId>) -> Netns {
        Netns { id, name: None, container: None, own: true, files: Vec::new() }
    }

    /// One that these files lead into.
    pub fn of_files(id: Option<NetnsId>, own: bool, files: Vec<NetnsFile>) -> Netns {
        Netns { own, files, ..Netns::own(id) }
    }

    /// Ways to enter it; none for the scanner's own.
    pub fn files(&self) -> &[NetnsFile] {
        &self.files
    }

    /// What to call it: its name, else its pod as `namespace/name` (or the pod's uid), else its
    /// container. `None` where nothing names it.
    pub fn label(&self) -> Option<Vec<u8>> {
        let container = || self.container.as_ref().and_then(|it| it.pod_label().or_else(|| it.label()));
        self.name.clone().or_else(container)
    }
}

/// The namespace that a link points to: `net:[N]`.
pub fn netns_id(target: &[u8]) -> Option<NetnsId> {
    let number = target.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok().map(NetnsId)
}

/// The network namespaces that are bind-mounted somewhere, with the path of each mount point as
/// the owner of this /proc/PID/mountinfo sees it.
pub fn mounted(mountinfo: &[u8]) -> Vec<(NetnsId, Vec<u8>)> {
    let lines = mountinfo.split(|&b| b == b'\n');
    let mounts = lines.filter_map(|line| {
        // 25 30 0:4 net:[4026532281] /run/netns/blue rw shared:7 - nsfs nsfs rw
        let mut fields = line.split(|&b| b == b' ').skip(3);
        Some((netns_id(fields.next()?)?, unescape(fields.next()?)))
    });
    mounts.collect()
}

/// The name that `ip netns` gives to a namespace mounted here.
pub fn ip_netns_name(mount_point: &[u8]) -> Option<&[u8]> {
    let directories: [&[u8]; 2] = [b"/run/netns/", b"/var/run/netns/"];
    let name = directories.iter().find_map(|directory| mount_point.strip_prefix(*directory))?;
    (!name.is_empty() && !name.contains(&b'/')).then_some(name)
}

/// Mount points have blanks and the like as three octal digits (`mangle_path`).
pub(crate) fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal =
            after.get(..3).filter(|digits| byte == b'\\' && digits.iter().all(|d| (b'0'..b'8').contains(d)));
        let number = octal
            .and_then(|digits| digits.iter().try_fold(0u8, |n, d| n.checked_mul(8)?.checked_add(d - b'0')));
        match number {
            Some(number) => {
                plain.push(number);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    plain
}

/// Which namespaces a scan is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetnsChoice {
    /// Every one that can be found and entered.
    #[default]
    All,
    /// The scanner's own.
    Current,
    /// The one that this process is in.
    OfProcess(u32),
    /// The one that this file stands for (/run/netns/NAME, /proc/PID/ns/net).
    OfFile(PathBuf),
}

/// How many sockets of a kind a namespace has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InUse {
    /// None at all.
    None,
    /// Some, or nobody can tell.
    Perhaps,
}

/// Whether a namespace has sockets of the protocol that its sockstat calls `name` (`TCP`, `TCP6`,
/// `UDP`, ...; `sock_prot_inuse_get`). TCP sockets that are only bound are not counted.
pub fn in_use(sockstat: &[u8], name: &str) -> InUse {
    none_or_perhaps(counted(sockstat, name, "inuse"))
}

/// Whether a namespace has any socket at all that a process made (`sock_inuse_get`).
pub fn any_in_use(sockstat: &[u8]) -> InUse {
    none_or_perhaps(sockets_used(sockstat))
}

/// Whether a namespace has sockets of the protocol that its /proc/net/protocols calls `name` (`MPTCP`, ...;
/// `sock_prot_inuse_get`). Perhaps, where that has no line of it.
pub fn protocol_in_use(protocols: &[u8], name: &str) -> InUse {
    let text = String::from_utf8_lossy(protocols);
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let column = header.split_whitespace().position(|word| word == "sockets");
    let line = lines.find(|line| line.split_whitespace().next() == Some(name));
    let count = line.zip(column).and_then(|(line, at)| line.split_whitespace().nth(at)?.parse().ok());
    none_or_perhaps(count)
}

/// How many sockets of every family processes have made in a namespace (`sock_inuse_get`).
pub fn sockets_used(sockstat: &[u8]) -> Option<u64> {
    counted(sockstat, "sockets", "used")
}

fn none_or_perhaps(count: Option<u64>) -> InUse {
    if count == Some(0) { InUse::None } else { InUse::Perhaps }
}

fn counted(sockstat: &[u8], name: &str, what: &str) -> Option<u64> {
    let text = String::from_utf8_lossy(sockstat);
    text.lines().find_map(|line| {
        let mut words = line.strip_prefix(name)?.strip_prefix(": ")?.split_whitespace();
        words.next().filter(|word| *word == what)?;
        words.next()?.parse().ok()
    })
}
