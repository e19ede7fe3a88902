//! A host that exists in a test alone: files, descriptors, and a function that answers requests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use skcheck_core::host::Diag;
use skcheck_core::{Host, NetnsFile, PageSize};

use super::messages;

/// A request as the kernel sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) sequence: u32,
    /// 1 unix, 2 IPv4, 10 IPv6, 16 netlink, 17 packet, 40 vsock.
    pub(crate) family: u8,
    /// 6 TCP, 17 UDP, 136 UDP-Lite, 255 raw; 0 for unix, packet and MPTCP.
    pub(crate) protocol: u8,
    /// For all of a table, not for one socket.
    pub(crate) dump: bool,
    /// The states that are asked for.
    pub(crate) states: u32,
    /// The local port of an exact request.
    pub(crate) port: u16,
}

impl Request {
    pub(crate) const TCP: u8 = 6;

    fn parse(bytes: &[u8]) -> Request {
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four"));
        let flags = u16::from_ne_bytes([bytes[6], bytes[7]]);
        Request {
            sequence: word(8),
            family: bytes[16],
            protocol: bytes[17],
            dump: flags & 0x300 == 0x300,
            states: word(20),
            port: u16::from_be_bytes([bytes[24], bytes[25]]),
        }
    }

    /// A dump of all TCP sockets over IPv4.
    pub(crate) fn is_tcp4(&self) -> bool {
        let is_of_all = ![0, 1 << 10].contains(&self.states);
        self.dump && (self.family, self.protocol) == (2, Request::TCP) && is_of_all
    }

    /// A dump of all unix sockets.
    pub(crate) fn is_unix(&self) -> bool {
        self.dump && self.family == 1 && self.states != 1 << 10
    }

    /// A dump of what has this number for a protocol, of one family.
    pub(crate) fn is_dump_of(&self, family: u8, protocol: u8) -> bool {
        self.dump && (self.family, self.protocol) == (family, protocol)
    }

    /// The answer of a table whose module is missing.
    pub(crate) fn no_module(&self) -> Answer {
        Answer::of([messages::refused(self.sequence, 2)])
    }

    /// The answer of an empty table, or of a socket that is gone.
    pub(crate) fn nothing(&self) -> Answer {
        if self.dump {
            Answer::of([messages::done(self.sequence, 0)])
        } else {
            Answer::of([messages::refused(self.sequence, 2)])
        }
    }
}

/// Datagrams, and how the receiving ends when nobody stops it.
pub(crate) struct Answer {
    pub(crate) datagrams: Vec<Vec<u8>>,
    pub(crate) end: io::ErrorKind,
}

impl Answer {
    pub(crate) fn of(datagrams: impl IntoIterator<Item = Vec<u8>>) -> Answer {
        Answer { datagrams: datagrams.into_iter().collect(), end: io::ErrorKind::TimedOut }
    }
}

type Kernel = Box<dyn Fn(&Request) -> Answer + Sync>;

/// See the module. Files that were not made up are not there.
pub(crate) struct MadeUp {
    files: BTreeMap<String, Vec<u8>>,
    /// Files that never come.
    hanging: BTreeSet<String>,
    /// Descriptors by process; `None`: they may not be read.
    processes: BTreeMap<u32, Option<BTreeMap<u32, String>>>,
    /// Processes that open their sockets only after the first look at them.
    late: BTreeSet<u32>,
    looks: Mutex<BTreeMap<u32, u32>>,
    /// Processes that are listed, and gone when looked at.
    vanished: BTreeSet<u32>,
    /// The protocols of sockets by their inode, as the kernel calls them; of others it is TCP.
    protocols: BTreeMap<u32, &'static str>,
    kernel: Kernel,
    /// Every request so far.
    pub(crate) asked: Mutex<Vec<Request>>,
}

impl MadeUp {
    /// An empty host: an init that holds nothing, no socket.
    pub(crate) fn new() -> MadeUp {
        let host = MadeUp {
            files: BTreeMap::new(),
            hanging: BTreeSet::new(),
            processes: BTreeMap::new(),
            late: BTreeSet::new(),
            looks: Mutex::default(),
            vanished: BTreeSet::new(),
            protocols: BTreeMap::new(),
            kernel: Box::new(Request::nothing),
            asked: Mutex::default(),
        };
        host.file("/proc/sys/kernel/osrelease", "6.18.0\n").process(1, "init", &[])
    }

    /// Answers with `answer`, and nothing where that gives `None`.
    pub(crate) fn kernel(mut self, answer: impl Fn(&Request) -> Option<Answer> + Sync + 'static) -> MadeUp {
        self.kernel = Box::new(move |request| answer(request).unwrap_or_else(|| request.nothing()));
        self
    }

    /// Answers with `answer` first, and as before where that gives `None`.
    pub(crate) fn and_kernel(
        mut self,
        answer: impl Fn(&Request) -> Option<Answer> + Sync + 'static,
    ) -> MadeUp {
        let before = self.kernel;
        self.kernel = Box::new(move |request| answer(request).unwrap_or_else(|| before(request)));
        self
    }

    pub(crate) fn file(mut self, path: &str, text: impl Into<Vec<u8>>) -> MadeUp {
        self.files.insert(path.to_owned(), text.into());
        self
    }

    /// A process that holds these sockets, from descriptor 3 on.
    pub(crate) fn process(mut self, pid: u32, comm: &str, sockets: &[u32]) -> MadeUp {
        let links = (3..).zip(sockets).map(|(fd, inode)| (fd, format!("socket:[{inode}]"))).collect();
        self.processes.insert(pid, Some(links));
        self.file(&format!("/proc/{pid}/comm"), format!("{comm}\n"))
            .file(&format!("/proc/{pid}/cmdline"), format!("/bin/{comm}\0--flag\0"))
    }

    /// The same, but the first look at its descriptors comes too early.
    pub(crate) fn late_process(mut self, pid: u32, comm: &str, sockets: &[u32]) -> MadeUp {
        self.late.insert(pid);
        self.process(pid, comm, sockets)
    }

    /// A socket is of the protocol that the kernel calls so.
    pub(crate) fn speaks(mut self, inode: u32, protocol: &'static str) -> MadeUp {
        self.protocols.insert(inode, protocol);
        self
    }

    pub(crate) fn unreadable(mut self, pid: u32) -> MadeUp {
        self.processes.insert(pid, None);
        self
    }

    pub(crate) fn vanished(mut self, pid: u32) -> MadeUp {
        self.vanished.insert(pid);
        self
    }

    /// Hides a process, as hidepid does.
    pub(crate) fn without_process(mut self, pid: u32) -> MadeUp {
        self.processes.remove(&pid);
        self
    }

    pub(crate) fn hangs(mut self, path: &str) -> MadeUp {
        self.hanging.insert(path.to_owned());
        self
    }

    fn get(&self, path: &Path) -> io::Result<Vec<u8>> {
        let path = path.to_str().expect("the library's paths are text");
        self.files.get(path).cloned().ok_or(io::ErrorKind::NotFound.into())
    }
}

impl Diag for &MadeUp {
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let request = Request::parse(request);
        self.asked.lock().expect("no panic").push(request);
        let answer = (self.kernel)(&request);
        for datagram in &answer.datagrams {
            if on_datagram(datagram).is_break() {
                return Ok(());
            }
        }
        Err(answer.end.into())
    }

    fn sockstat(&self) -> &[u8] {
        b""
    }

    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        self.get(&Path::new("/proc/net").join(name))
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        Host::interface_name(*self, index)
    }
}

impl Host for MadeUp {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        assert_eq!(netns, None, "it has one namespace");
        Ok(Box::new(self))
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        if self.vanished.contains(&pid) {
            return Err(io::Error::from_raw_os_error(3)); // ESRCH
        }
        let mut looks = self.looks.lock().expect("no test panics here");
        let look = looks.entry(pid).or_default();
        *look += 1;
        match self.processes.get(&pid) {
            Some(Some(_)) if *look == 1 && self.late.contains(&pid) => {}
            Some(Some(links)) => links.iter().for_each(|(fd, target)| on_link(*fd, target.as_bytes())),
            Some(None) => return Err(io::ErrorKind::PermissionDenied.into()),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(())
    }

    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        *into = match path.to_str() {
            Some(path) if self.hanging.contains(path) => return Err(io::ErrorKind::TimedOut.into()),
            _ => self.get(path)?,
        };
        into.truncate(usize::try_from(limit).expect("small"));
        Ok(())
    }

    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let path = path.to_str().expect("the library's paths are text");
        let file = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        let rest = file.get(usize::try_from(offset).expect("small")..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let text = path.to_str().expect("the library's paths are text");
        if self.hanging.contains(text) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if text.ends_with("/task") || text.starts_with("/sys/") {
            let below = format!("{text}/");
            let name = |path: &String| path.strip_prefix(&below)?.split('/').next().map(str::to_owned);
            let names: BTreeSet<String> = self.files.keys().filter_map(name).collect();
            names.iter().for_each(|name| on_entry(name.as_bytes()));
            return if names.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(()) };
        }
        if path != Path::new("/proc") {
            return Err(io::ErrorKind::NotFound.into());
        }
        let pids: BTreeSet<u32> = self.processes.keys().chain(&self.vanished).copied().collect();
        for pid in pids {
            on_entry(pid.to_string().as_bytes());
        }
        ["self", "net", "4294967296", "1x"].iter().for_each(|name| on_entry(name.as_bytes()));
        Ok(())
    }

    fn inode(&self, _: &Path) -> io::Result<u64> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = path.to_str().expect("the library's paths are text");
        if text.ends_with("/ns/net") {
            return Ok(b"net:[1]".to_vec());
        }
        if text.ends_with("/ns/pid") {
            return Ok(b"pid:[4026531836]".to_vec());
        }
        let mut parts = text.strip_prefix("/proc/").unwrap_or_default().split("/fd/");
        let mut number = || parts.next()?.parse::<u32>().ok();
        let (pid, fd) = (number(), number());
        let links = pid.and_then(|pid| self.processes.get(&pid)?.as_ref());
        let target = links.and_then(|links| links.get(&fd?)).ok_or(io::ErrorKind::NotFound)?;
        Ok(target.clone().into_bytes())
    }

    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        assert_eq!(name, "system.sockprotoname");
        let target = self.read_link(path)?;
        let speaks = |(inode, protocol): (&u32, &&str)| {
            (target == format!("socket:[{inode}]").as_bytes()).then(|| format!("{protocol}\0").into_bytes())
        };
        Ok(self.protocols.iter().find_map(speaks).unwrap_or_else(|| b"TCP\0".to_vec()))
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        let name = self.get(Path::new(&format!("/sys/made-up/interface/{index}")))?;
        Ok(String::from_utf8(name).expect("a name"))
    }

    fn page_size(&self) -> PageSize {
        PageSize(4096)
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}
