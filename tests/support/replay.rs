//! Recorded hosts: [`Recorder`] writes down what a scan reads of a host, [`Replay`] answers the same
//! from a directory.
//!
//! A recording is a directory with `about.txt` (kernel, command, and what it must decode to) and
//! `calls.txt`: one call a line, `kind key result`, where `-` stands for nothing, a result that begins
//! with `!` is an errno, and bytes are hexadecimal.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use skcheck_core::host::Diag;
use skcheck_core::{Host, NetnsFile, PageSize};

/// Passes calls on to a host and writes them down. Of its processes only `pids` are seen, without
/// their command lines, and of its files only those about them, its kernel and its sockets: a
/// recording holds nothing of the machine besides.
pub(crate) struct Recorder<'h> {
    host: &'h dyn Host,
    pids: Vec<u32>,
    calls: Mutex<String>,
}

impl<'h> Recorder<'h> {
    pub(crate) fn new(host: &'h dyn Host, pids: &[u32]) -> Recorder<'h> {
        Recorder { host, pids: pids.to_vec(), calls: Mutex::default() }
    }

    /// What `calls.txt` is to hold.
    pub(crate) fn finish(self) -> String {
        self.calls.into_inner().expect("no panic")
    }

    fn note<T>(&self, kind: &str, key: &str, result: &io::Result<T>, show: impl Fn(&T) -> String) {
        let text = match result {
            Ok(value) => show(value),
            Err(error) => format!("!{}", errno(error)),
        };
        let text = if text.is_empty() { "-" } else { &text };
        writeln!(self.calls.lock().expect("no panic"), "{kind} {key} {text}").expect("memory");
    }

    fn may_read(path: &str) -> bool {
        let is_of_process =
            path.strip_prefix("/proc/").is_some_and(|p| p.starts_with(|c: char| c.is_ascii_digit()));
        // What is mounted tells of the machine, and of no socket here.
        is_of_process && !path.ends_with("/mountinfo")
            || path.starts_with("/proc/net/")
            || path == "/proc/sys/kernel/osrelease"
    }
}

/// The errors that a scan tells apart, by number.
fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(match error.kind() {
        io::ErrorKind::TimedOut => 110,
        io::ErrorKind::NotFound => 2,
        _ => 5,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("memory");
        text
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.trim_start_matches('-').as_bytes();
    let text = |pair| std::str::from_utf8(pair).expect("hexadecimal");
    digits.chunks(2).map(|pair| u8::from_str_radix(text(pair), 16).expect("hexadecimal")).collect()
}

/// A request or datagram with this sequence number in each of its messages.
fn renumbered(datagram: &[u8], sequence: u32) -> Vec<u8> {
    let mut datagram = datagram.to_vec();
    let mut at = 0;
    while let Some(length) = datagram.get(at..at + 4) {
        let length = u32::from_ne_bytes(length.try_into().expect("four")) as usize;
        if length < 16 || datagram.len() < at + 16 {
            break;
        }
        datagram[at + 8..at + 12].copy_from_slice(&sequence.to_ne_bytes());
        at += length.next_multiple_of(4);
    }
    datagram
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the library's paths are text")
}

/// What a piece of a file goes by.
fn piece(path: &Path, offset: u64, into: &[u8]) -> String {
    format!("{}:{offset}+{}", text(path), into.len())
}

/// A recorded conversation.
struct Recorded<'r> {
    recorder: &'r Recorder<'r>,
    diag: Box<dyn Diag + 'r>,
}

impl Diag for Recorded<'_> {
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let datagrams = RefCell::new(Vec::new());
        let result = self.diag.ask(request, &mut |datagram| {
            datagrams.borrow_mut().push(hex(&renumbered(datagram, 0)));
            on_datagram(datagram)
        });
        let datagrams = datagrams.into_inner();
        self.recorder.note("diag", &hex(&renumbered(request, 0)), &result, |()| datagrams.join(","));
        result
    }

    fn sockstat(&self) -> &[u8] {
        self.diag.sockstat()
    }

    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        let result = self.diag.proc_net(name);
        self.recorder.note("net", name, &result, |file| hex(file));
        result
    }
}

impl Host for Recorder<'_> {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        let diag = self.host.diag(netns)?;
        Ok(Box::new(Recorded { recorder: self, diag }))
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        let mut links = Vec::new();
        let result = self.host.fd_links(pid, &mut |fd, target| {
            if target.starts_with(b"socket:") {
                links.push(format!("{fd}={}", hex(target)));
                on_link(fd, target);
            }
        });
        self.note("links", &pid.to_string(), &result, |()| links.join(","));
        result
    }

    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        if !Self::may_read(text(path)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let result = self.host.read_limited(path, limit, into);
        if result.is_ok() && text(path).ends_with("/cmdline") {
            *into = b"recorder\0".to_vec();
        }
        self.note("read", text(path), &result, |()| hex(into));
        result
    }

    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        if !Self::may_read(text(path)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let result = self.host.read_at(path, offset, into);
        self.note("at", &piece(path, offset, into), &result, |length| hex(&into[..*length]));
        result
    }

    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        if path != Path::new("/proc") {
            return Err(io::ErrorKind::NotFound.into());
        }
        let pids: Vec<String> = self.pids.iter().map(u32::to_string).collect();
        pids.iter().for_each(|pid| on_entry(pid.as_bytes()));
        self.note("dir", text(path), &Ok(()), |()| pids.join(","));
        Ok(())
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        let result = self.host.read_link(path);
        self.note("link", text(path), &result, |target| hex(target));
        result
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        let result = self.host.inode(path);
        self.note("inode", text(path), &result, u64::to_string);
        result
    }

    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        let result = self.host.xattr(path, name);
        self.note("xattr", text(path), &result, |value| hex(value));
        result
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        let result = self.host.interface_name(index);
        self.note("interface", &index.to_string(), &result, |name| hex(name.as_bytes()));
        result
    }

    fn page_size(&self) -> PageSize {
        let size = self.host.page_size();
        self.note("page_size", "-", &Ok(()), |()| size.0.to_string());
        size
    }

    fn now(&self) -> SystemTime {
        self.host.now()
    }
}

/// Answers each call as it was recorded; the same call again gets what it got the next time, and the
/// last answer from then on.
pub(crate) struct Replay {
    calls: BTreeMap<(String, String), Vec<String>>,
    made: Mutex<BTreeMap<(String, String), usize>>,
}

impl Replay {
    /// The recording in this directory.
    pub(crate) fn open(directory: &Path) -> Replay {
        Replay::parse(&std::fs::read_to_string(directory.join("calls.txt")).expect("a recording"))
    }

    pub(crate) fn parse(recording: &str) -> Replay {
        let mut calls: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for line in recording.lines() {
            let mut parts = line.splitn(3, ' ').map(str::to_owned);
            let mut part = || parts.next().expect("kind, key, result");
            let (kind, mut key) = (part(), part());
            if kind == "diag" {
                key = hex(&without_info(bytes(&key)));
            }
            calls.entry((kind, key)).or_default().push(part());
        }
        Replay { calls, made: Mutex::default() }
    }

    /// Every datagram of the recording, with the request that it answers.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
        let diag = self.calls.iter().filter(|((kind, _), _)| kind == "diag");
        diag.flat_map(|((_, request), results)| {
            let all =
                results.iter().flat_map(|result| result.split(',')).filter(|text| !text.starts_with('!'));
            all.map(|datagram| (bytes(request), bytes(datagram)))
        })
    }

    fn call(&self, kind: &str, key: &str) -> io::Result<&str> {
        let call = (kind.to_owned(), key.to_owned());
        let Some(results) = self.calls.get(&call) else { return Err(io::ErrorKind::NotFound.into()) };
        let mut made = self.made.lock().expect("no panic");
        let times = made.entry(call).or_default();
        let result = results.get(*times).or(results.last()).expect("recorded once at least");
        *times += 1;
        match result.strip_prefix('!') {
            Some(errno) => Err(io::Error::from_raw_os_error(errno.parse().expect("a number"))),
            None => Ok(result.trim_start_matches('-')),
        }
    }
}

/// A request for IP sockets that asks for no `INET_DIAG_INFO`: an answer with it answers that too.
fn without_info(mut request: Vec<u8>) -> Vec<u8> {
    const FAMILY: usize = 16;
    const EXTENSIONS: usize = 18;
    const INFO: u8 = 1 << 1;
    if matches!(request[FAMILY], 2 | 10) {
        request[EXTENSIONS] &= !INFO;
    }
    request
}

impl Diag for &Replay {
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let sequence = u32::from_ne_bytes(request[8..12].try_into().expect("four"));
        let answer = self.call("diag", &hex(&without_info(renumbered(request, 0))))?;
        for datagram in answer.split(',') {
            if on_datagram(&renumbered(&bytes(datagram), sequence)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn sockstat(&self) -> &[u8] {
        b""
    }

    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        self.call("net", name).map(bytes)
    }
}

impl Host for Replay {
    fn diag(&self, _: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        Ok(Box::new(self))
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        let links = self.call("links", &pid.to_string())?;
        for (fd, target) in links.split(',').filter_map(|link| link.split_once('=')) {
            on_link(fd.parse().expect("a number"), &bytes(target));
        }
        Ok(())
    }

    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        *into = bytes(self.call("read", text(path))?);
        into.truncate(usize::try_from(limit).expect("small"));
        Ok(())
    }

    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let piece = bytes(self.call("at", &piece(path, offset, into))?);
        into[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }

    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.call("dir", text(path))?.split(',').for_each(|name| on_entry(name.as_bytes()));
        Ok(())
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.call("link", text(path)).map(bytes)
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        Ok(self.call("inode", text(path))?.parse().expect("a number"))
    }

    fn xattr(&self, path: &Path, _: &str) -> io::Result<Vec<u8>> {
        self.call("xattr", text(path)).map(bytes)
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        let name = self.call("interface", &index.to_string()).map(bytes)?;
        Ok(String::from_utf8(name).expect("names are text here"))
    }

    fn page_size(&self) -> PageSize {
        PageSize(self.call("page_size", "-").expect("recorded").parse().expect("a number"))
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}
