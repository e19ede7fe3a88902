//! A file system of the test's own: it speaks FUSE's protocol over /dev/fuse, and answers as the name of a
//! file says, or not at all. Once nobody has that descriptor, everybody who waits for an answer goes on.

use std::collections::VecDeque;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::mount::{MountFlags, mount};

/// Where it is mounted.
pub(crate) const PLACE: &str = "/mnt/boot";
/// The device, which everybody may open.
pub(crate) const DEVICE: &str = "/mnt/fuse";
/// Whoever reads such a file waits for ever.
pub(crate) const NEVER_READ: &str = "never-read";
/// Whoever closes such a file waits for ever.
pub(crate) const NEVER_CLOSED: &str = "never-closed";
/// Reading and closing such a file takes [`SLOW`] each time.
pub(crate) const SLOWLY: &str = "slowly";

/// There is no such file.
pub(crate) const NOWHERE: &str = "config-";

/// How long a slow answer takes.
pub(crate) const SLOW: Duration = Duration::from_millis(300);

/// Operations of `linux/fuse.h`.
mod op {
    pub(super) const LOOKUP: u32 = 1;
    pub(super) const FORGET: u32 = 2;
    pub(super) const GETATTR: u32 = 3;
    pub(super) const OPEN: u32 = 14;
    pub(super) const READ: u32 = 15;
    pub(super) const RELEASE: u32 = 18;
    pub(super) const FLUSH: u32 = 25;
    pub(super) const INIT: u32 = 26;
    pub(super) const OPENDIR: u32 = 27;
    pub(super) const READDIR: u32 = 28;
    pub(super) const RELEASEDIR: u32 = 29;
    pub(super) const INTERRUPT: u32 = 36;
    pub(super) const BATCH_FORGET: u32 = 42;
}

/// No request is longer.
const LONGEST: usize = 256 * 1024;

const ENOENT: i32 = 2;
const ENOSYS: i32 = 38;
const ROOT: u64 = 1;
/// Large enough for whatever is mapped.
const FILE_SIZE: u64 = 1 << 30;

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Each file as its name says.
    AsNamed,
    /// Every answer is slow.
    Slow,
    /// No answer any more.
    Dead,
}

pub(crate) struct FileSystem {
    device: File,
    /// The names that were looked up: the first one is node 2.
    names: Vec<Vec<u8>>,
    mode: Mode,
    /// Answers that are not due yet.
    later: VecDeque<(Instant, Vec<u8>)>,
}

struct Request {
    op: u32,
    unique: u64,
    node: u64,
    body: Vec<u8>,
}

impl FileSystem {
    /// Mounts it; nobody answers what is asked of it before [`serve`](Self::serve).
    pub(crate) fn mount(for_all: bool) -> FileSystem {
        let mut options = OpenOptions::new();
        let device = options.read(true).write(true).open(DEVICE).expect("FUSE is there");
        let all = if for_all { ",allow_other" } else { "" };
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0{all}", device.as_raw_fd());
        let options = CString::new(options).expect("no NUL");
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("skcheck-test", Path::new(PLACE), "fuse", flags, options.as_c_str())
            .expect("it may be mounted");
        let mut files = FileSystem { device, names: Vec::new(), mode: Mode::AsNamed, later: VecDeque::new() };
        // The kernel asks nothing else before it knows that somebody is there.
        files.take_one(&mut vec![0; LONGEST]);
        files
    }

    /// Answers until the standard input ends, or says `release`; it also says when to be `slow` and `dead`.
    pub(crate) fn serve(mut self) {
        let mut buffer = vec![0; LONGEST];
        loop {
            self.answer_what_is_due();
            let wait = if self.later.is_empty() { Duration::from_secs(1) } else { Duration::from_millis(5) };
            let wait = rustix::time::Timespec::try_from(wait).expect("short");
            let stdin = std::io::stdin();
            let mut both = [&self.device as &dyn std::os::fd::AsFd, &stdin]
                .map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN));
            poll(&mut both, Some(&wait)).expect("it waits");
            let [asked, told] = both.map(|fd| !fd.revents().is_empty());
            if told {
                let mut line = [0; 64];
                let length = rustix::io::read(rustix::stdio::stdin(), &mut line).expect("a pipe");
                match line[..length].trim_ascii() {
                    b"slow" => self.mode = Mode::Slow,
                    b"dead" => self.mode = Mode::Dead,
                    _ => return,
                }
            }
            if asked {
                self.take_one(&mut buffer);
            }
        }
    }

    fn take_one(&mut self, buffer: &mut [u8]) {
        // Who asked may have taken it back meanwhile.
        if let Ok(length) = self.device.read(buffer) {
            self.take(&Request::parse(&buffer[..length]));
        }
    }

    fn take(&mut self, request: &Request) {
        let name = self.name(request.node);
        let silent = match request.op {
            op::FORGET | op::BATCH_FORGET | op::INTERRUPT => true,
            op::READ => name.starts_with(NEVER_READ.as_bytes()),
            op::FLUSH => name.starts_with(NEVER_CLOSED.as_bytes()),
            _ => false,
        };
        if silent || self.mode == Mode::Dead {
            return;
        }
        let named_slow = matches!(request.op, op::READ | op::FLUSH) && name.starts_with(SLOWLY.as_bytes());
        let answer = self.answer(request);
        if named_slow || self.mode == Mode::Slow {
            self.later.push_back((Instant::now() + SLOW, answer));
        } else {
            // Whoever asked may have been killed.
            let _ = self.device.write_all(&answer);
        }
    }

    /// The root's, and that of no file (INIT), is empty.
    fn name(&self, node: u64) -> &[u8] {
        let index = node.checked_sub(ROOT + 1).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.names.get(index)).map_or(&[], Vec::as_slice)
    }

    fn answer_what_is_due(&mut self) {
        while self.later.front().is_some_and(|(due, _)| *due <= Instant::now()) {
            if let Some((_, answer)) = self.later.pop_front() {
                let _ = self.device.write_all(&answer);
            }
        }
    }

    fn answer(&mut self, request: &Request) -> Vec<u8> {
        let body = match request.op {
            op::INIT => init(),
            op::LOOKUP => {
                let name = request.body.split(|&byte| byte == 0).next().unwrap_or_default().to_vec();
                if name.starts_with(NOWHERE.as_bytes()) {
                    return request.answer(-ENOENT, &[]);
                }
                let known = self.names.iter().position(|known| *known == name);
                let index = known.unwrap_or(self.names.len());
                if known.is_none() {
                    self.names.push(name);
                }
                entry(index as u64 + ROOT + 1)
            }
            op::GETATTR => [&[0; 16], attributes(request.node).as_slice()].concat(),
            // A handle, and flags: struct fuse_open_out.
            op::OPEN | op::OPENDIR => vec![0; 16],
            op::READ => {
                // struct fuse_read_in: a handle, the offset, the size.
                let size = u32::from_ne_bytes(request.body[16..20].try_into().expect("four bytes"));
                vec![b'r'; size as usize]
            }
            op::FLUSH | op::RELEASE | op::RELEASEDIR | op::READDIR => Vec::new(),
            _ => return request.answer(-ENOSYS, &[]),
        };
        request.answer(0, &body)
    }
}

impl Request {
    /// struct fuse_in_header.
    fn parse(bytes: &[u8]) -> Request {
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let long = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        Request { op: word(4), unique: long(8), node: long(16), body: bytes[40..].to_vec() }
    }

    /// struct fuse_out_header, and what belongs to the operation.
    fn answer(&self, error: i32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(16 + body.len()).expect("short");
        [&length.to_ne_bytes()[..], &error.to_ne_bytes(), &self.unique.to_ne_bytes(), body].concat()
    }
}

/// struct fuse_init_out: version 7.31, no reading ahead, nothing that is optional.
fn init() -> Vec<u8> {
    let mut out = Vec::new();
    out.extend([7u32, 31, 0, 0].iter().flat_map(|word| word.to_ne_bytes()));
    out.extend([16u16, 12].iter().flat_map(|word| word.to_ne_bytes()));
    out.extend([4096u32, 1].iter().flat_map(|word| word.to_ne_bytes()));
    out.resize(64, 0);
    out
}

/// struct fuse_entry_out: nothing is valid for longer than now, so that each use asks anew.
fn entry(node: u64) -> Vec<u8> {
    let mut out = node.to_ne_bytes().to_vec();
    out.resize(40, 0);
    out.extend(attributes(node));
    out
}

/// struct fuse_attr.
fn attributes(node: u64) -> Vec<u8> {
    let (kind, size) = if node == ROOT { (0o040_777, 4096) } else { (0o100_666, FILE_SIZE) };
    let mut out = Vec::new();
    out.extend([node, size, size / 512, 0, 0, 0].iter().flat_map(|long| long.to_ne_bytes()));
    // Three times, mode, links, owner, group, device, block size, padding.
    out.extend([0u32, 0, 0, kind, 1, 0, 0, 0, 4096, 0].iter().flat_map(|word| word.to_ne_bytes()));
    out
}
