//! /proc/PID/fdinfo/N: of any file, of unix sockets, of rings of io_uring and of epoll sets.

use crate::model::socket::Inode;
use crate::procfs::link::socket_inode;
use crate::procfs::number::{decimal, hexadecimal, parse_number, value, words};

/// The files that are registered with a ring of io_uring (`io_uring_show_fdinfo`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingFiles {
    /// The sockets among them, in the order of their slots.
    pub sockets: Vec<Inode>,
    /// How many slots hold a file that is not told: kernels before 6.14 print a name that says nothing of
    /// which (`d_iname`).
    pub unnamed: u64,
    /// There are slots, or nothing tells, and none is listed: the ring was busy (`uring_lock`), or all are
    /// empty (kernels since 6.14 pass over those).
    pub may_be_busy: bool,
}

impl RingFiles {
    /// Reads the section that begins with `UserFiles:` and the number of slots, and goes on with lines like
    /// `    0: socket:[19198543]` and `    1: <none>`. Newer kernels print no section of a busy ring.
    pub fn parse(fdinfo: &[u8]) -> RingFiles {
        let mut lines = fdinfo.split(|&b| b == b'\n');
        let mut files = RingFiles::default();
        let slots = lines.find_map(|line| line.strip_prefix(b"UserFiles:"));
        files.may_be_busy = slots.is_none_or(|slots| slots.trim_ascii() != b"0");
        for line in lines {
            let mut parts = line.splitn(2, |&b| b == b':');
            let slot = parts.next().map(<[u8]>::trim_ascii).and_then(parse_number);
            let (Some(_), Some(file)) = (slot, parts.next()) else { break };
            files.may_be_busy = false;
            match file.trim_ascii() {
                b"<none>" => {}
                file => match socket_inode(file) {
                    Some(inode) => files.sockets.push(inode),
                    None if !is_told(file) => files.unnamed += 1,
                    None => {}
                },
            }
        }
        files
    }
}

/// Whether a file's name says that it is no socket: a path, or what is in no file system (`pipe:[1]`,
/// `anon_inode:[eventfd]`).
fn is_told(file: &[u8]) -> bool {
    file.contains(&b'/') || file.contains(&b':')
}

/// How many descriptors wait in the messages that a unix socket has not received, or those who wait at a unix
/// listener (`unix_show_fdinfo`, since Linux 5.6): a line `scm_fds: 2`. Of sockets and of other files alike.
pub fn in_flight(fdinfo: &[u8]) -> Option<u32> {
    parse_number(value(fdinfo, b"scm_fds:")?)
}

/// What is told of any open file (`seq_show` in fs/proc/fd.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFile {
    /// Whether it can be read, and written.
    pub access: (bool, bool),
    /// The mount that it lies on, as the reader of the file has mounts (/proc/PID/mountinfo).
    pub mount: Option<u32>,
    /// Its inode number (since Linux 5.14).
    pub inode: Option<u64>,
    /// The master of a pseudo-terminal: which (`pty_show_fdinfo`, since Linux 4.18).
    pub terminal: Option<u32>,
}

impl OpenFile {
    /// Parses it; `None` where the flags are not told, which every kernel does.
    pub fn parse(fdinfo: &[u8]) -> Option<OpenFile> {
        let line = |name| value(fdinfo, name);
        let flags = u64::from_str_radix(std::str::from_utf8(line(b"flags:")?).ok()?, 8).ok()?;
        // O_RDONLY, O_WRONLY, O_RDWR; nothing goes through a descriptor of O_PATH.
        let access = match (flags & O_PATH != 0, flags & 3) {
            (true, _) => (false, false),
            (false, mode) => (mode == 0 || mode == 2, mode == 1 || mode == 2),
        };
        Some(OpenFile {
            access,
            mount: line(b"mnt_id:").and_then(parse_number),
            inode: line(b"ino:").and_then(decimal),
            terminal: line(b"tty-index:").and_then(parse_number),
        })
    }
}

/// `O_PATH`, the same number on every architecture that skcheck runs on.
const O_PATH: u64 = 0o10_000_000;

/// A descriptor in an epoll set (`tfd:` in the set's /proc/PID/fdinfo).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interest {
    /// The descriptor under which it was added.
    pub fd: u32,
    /// Its events, with the flags of how they are told (sys/epoll.h).
    pub events: u32,
    /// The inode that it refers to.
    pub inode: Option<u64>,
}

impl Interest {
    /// `EPOLLIN`.
    pub const IN: u32 = 1;
    /// `EPOLLRDNORM`: the same under another name.
    pub const RDNORM: u32 = 1 << 6;
    /// `EPOLLOUT`.
    pub const OUT: u32 = 1 << 2;
    /// `EPOLLET`.
    pub const EDGE: u32 = 1 << 31;
    /// `EPOLLONESHOT`.
    pub const ONESHOT: u32 = 1 << 30;
    /// What is left of the events when a one-shot interest has been told (`EP_PRIVATE_BITS`: EPOLLWAKEUP,
    /// EPOLLONESHOT, EPOLLET, EPOLLEXCLUSIVE). Whoever asks for no event at all still has EPOLLERR and
    /// EPOLLHUP, which `do_epoll_ctl` adds.
    pub const PRIVATE: u32 = 0b1111 << 28;

    /// Whether whoever sleeps in the set knows thereby that this cannot be written to: it would be told at
    /// once, each time.
    pub fn waits_to_write(&self) -> bool {
        self.events & Interest::OUT != 0 && self.events & Interest::EDGE == 0
    }
}

/// What an epoll set waits for (`ep_show_fdinfo`): lines like
/// `tfd:        6 events: 40000019 data:                6  pos:0 ino:124e1f8 sdev:9`. Kernels before 4.13
/// end it behind `data`.
pub fn interests(fdinfo: &[u8]) -> impl Iterator<Item = Interest> {
    fdinfo.split(|&b| b == b'\n').filter_map(|line| {
        let mut words = words(line.strip_prefix(b"tfd:")?);
        let fd = parse_number(words.next()?)?;
        let events = words.next().filter(|word| *word == b"events:").and_then(|_| words.next())?;
        let events = u32::try_from(hexadecimal(events)?).ok()?;
        let inode = words.find_map(|word| word.strip_prefix(b"ino:"));
        Some(Interest { fd, events, inode: inode.and_then(hexadecimal) })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn inodes(numbers: &[u32]) -> Vec<Inode> {
        numbers.iter().filter_map(|number| Inode::new(*number)).collect()
    }

    #[test]
    fn registered_files() {
        let check = |text: &str, sockets: &[u32], unnamed: u64, may_be_busy: bool| {
            let expected = RingFiles { sockets: inodes(sockets), unnamed, may_be_busy };
            assert_eq!(RingFiles::parse(text.as_bytes()), expected, "{text:?}");
        };
        let head = "pos:\t0\nSqThread:\t-1\n";
        check("", &[], 0, true);
        check(head, &[], 0, true);
        check("    0: socket:[7]\n", &[], 0, true);
        check(&format!("{head}UserFiles:\t0\nUserBufs:\t0\n"), &[], 0, false);
        check(&format!("{head}UserFiles:\t3\nUserBufs:\t0\n"), &[], 0, true);
        check(
            "UserFiles:\t1\n    0: socket:[7]\nUserBufs:\t0\nPollList:\n    9: socket:[8]\n",
            &[7],
            0,
            false,
        );
        let listed = "    0: socket:[11]\n    2: socket:[12]\n    3: /tmp/a: b\n    4: pipe:[7]\n";
        let buffers = "UserBufs:\t1\n    0: 0x7f00/4096\n";
        check(&format!("{head}UserFiles:\t5\n{listed}{buffers}"), &[11, 12], 0, false);
        // Before Linux 6.14 a socket is called by its protocol, and any file by its last part.
        let names = "    0: TCP\n    1: <none>\n    2: passwd\n";
        check(&format!("{head}UserFiles:\t3\n{names}UserBufs:\t0\n"), &[], 2, false);
        check("UserFiles:\t2\n    0: <none>\n    1: <none>\nUserBufs:\t0\n", &[], 0, false);
        check("UserFiles:\t99999999999\n    0: socket:[0]\n    1:\n", &[], 1, false);
    }

    #[test]
    fn descriptors_in_flight() {
        let check =
            |text: &str, expected: Option<u32>| assert_eq!(in_flight(text.as_bytes()), expected, "{text:?}");
        check("pos:\t0\nflags:\t02\nmnt_id:\t9\nino:\t5\nscm_fds: 3\n", Some(3));
        check("scm_fds: 0\n", Some(0));
        check("scm_fds: many\n", None);
        check("pos:\t0\n", None);
    }

    #[test]
    fn epoll_sets() {
        let file = b"pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t26\n\
            tfd:        6 events: 40000000 data:                6  pos:0 ino:124e1f8 sdev:9\n\
            tfd:        4 events: 80000019 data: ffffffffffffffff  pos:0 ino:124e1f7 sdev:f\n\
            tfd:        5 events:       19 data:                5\n\
            tfd:        x events:       19\n\
            tfd:        7 events: 123456789 data: 0\n\
            tfd:        8\n";
        let found: Vec<Interest> = interests(file).collect();
        let expected = [
            Interest { fd: 6, events: Interest::ONESHOT, inode: Some(0x124_e1f8) },
            Interest { fd: 4, events: Interest::EDGE | Interest::IN | 0x18, inode: Some(0x124_e1f7) },
            Interest { fd: 5, events: 0x19, inode: None },
        ];
        assert_eq!(found, expected);
        assert_eq!(interests(b"").count(), 0);
    }

    #[test]
    fn open_files() {
        let of = |text: &str| OpenFile::parse(text.as_bytes());
        let pipe = of("pos:\t0\nflags:\t01\nmnt_id:\t16\nino:\t47863134\n").unwrap();
        assert_eq!((pipe.access, pipe.mount, pipe.inode), ((false, true), Some(16), Some(47_863_134)));
        assert_eq!(of("pos:\t0\nflags:\t0100000\nmnt_id:\t16\n").unwrap().access, (true, false));
        let master = of("pos:\t0\nflags:\t02100002\nmnt_id:\t24\nino:\t91\ntty-index:\t7\n ").unwrap();
        assert_eq!((master.access, master.terminal), ((true, true), Some(7)));
        assert_eq!(of("flags:\t010000000\n").unwrap().access, (false, false));
        for broken in ["", "pos:\t0\n", "flags:\n", "flags:\t9\n", "flags:\t-1\n"] {
            assert_eq!(of(broken), None, "{broken:?}");
        }
    }
}
