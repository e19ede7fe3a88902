//! What `ss` of iproute2 says of the same sockets.

use std::process::{Command, Stdio};

use skcheck_core::{Family, Inode, RecvQueue, SendQueue, SkMem, Snapshot, Socket, SocketEntry};

use super::child::try_spawn;
use super::scan::{eventually, get};
use super::skip::{Skip, kernel, skip};

/// The numbers of one line of `ss`.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    state: String,
    recv_q: u32,
    send_q: u32,
    /// Hexadecimal, as printed behind `sk:`; `ss` prints none for unix sockets.
    cookie: Option<String>,
    /// `r, rb, t, tb, f, w, o, bl, d`.
    skmem: [u32; 9],
}

/// Compares every number of `report` with what `ss` prints for the same socket right now.
///
/// The socket must have an inode and be at rest.
pub(crate) fn assert_agrees(report: &SocketEntry) {
    let Some(listing) = list() else { return skip(Skip::NeedsIproute2) };
    compare(report, &listing);
}

/// The same for sockets that are at rest only for moments: `ss` runs between two scans, until both
/// say the same of them.
pub(crate) fn assert_agrees_at_rest(scan: impl Fn() -> Snapshot, sockets: &[Inode]) {
    let (snapshot, listing) = eventually("nothing changes while ss runs", || {
        let (before, listing, after) = (scan(), list(), scan());
        let socket = |snapshot: &Snapshot, inode| without_clocks(get(snapshot, inode).socket.clone());
        let rests = |&inode: &Inode| socket(&before, inode) == socket(&after, inode);
        sockets.iter().all(rests).then_some((before, listing))
    });
    let Some(listing) = listing else { return skip(Skip::NeedsIproute2) };
    sockets.iter().for_each(|&inode| compare(get(&snapshot, inode), &listing));
}

/// Without what `tcp_info` says of time: that goes on while a socket rests.
pub(crate) fn without_clocks(mut socket: Socket) -> Socket {
    if let Some(info) = &mut socket.tcp_info {
        (info.last_data_recv, info.last_data_sent, info.rwnd_limited) = (None, None, None);
    }
    socket
}

fn compare(report: &SocketEntry, listing: &str) {
    let socket = &report.socket;
    let inode = socket.inode.expect("only sockets with an inode can be found in ss");
    let is_unix = socket.family == Family::Unix;
    let line = listing.lines().find(|line| line_inode(line, is_unix) == Some(inode.get()));
    let line = line.unwrap_or_else(|| panic!("ss does not list inode {}", inode.get()));
    let theirs = parse(line);
    let ours = Line {
        state: state(report).to_owned(),
        recv_q: match socket.recv_q {
            RecvQueue::Connections(connections) => connections.0,
            queue => queue.size().expect("told").try_into().expect("32 bits"),
        },
        send_q: match socket.send_q {
            SendQueue::BacklogLimit(connections) => connections.0,
            queue => queue.size().expect("told").try_into().expect("32 bits"),
        },
        cookie: (!is_unix).then(|| format!("{:x}", socket.cookie.expect("sock_diag tells it"))),
        skmem: numbers(&socket.skmem),
    };
    let (ours, theirs) = (ours.at_rest(), theirs.at_rest());
    assert_eq!(ours, theirs, "ss says: {line}");
}

impl Line {
    /// Before 6.0 a socket keeps memory beside its packets, which timers give back while one looks.
    fn at_rest(mut self) -> Line {
        const FWD_ALLOC: usize = 4;
        if kernel() < [6, 0] {
            self.skmem[FWD_ALLOC] = 0;
        }
        self
    }
}

/// The nine numbers, which a kernel of today sends all.
pub(crate) fn numbers(skmem: &SkMem) -> [u32; 9] {
    [
        skmem.rmem_alloc,
        skmem.rcvbuf,
        skmem.wmem_alloc,
        skmem.sndbuf,
        skmem.fwd_alloc.map(i32::cast_unsigned), // as ss prints it
        skmem.wmem_queued,
        skmem.optmem,
        skmem.backlog,
        skmem.drops,
    ]
    .map(|number| number.expect("a kernel of today sends all nine"))
}

/// Compares Recv-Q and Send-Q of `report`, and its memory where `ss` prints that, with the line in which `ss`
/// prints these ends. For families whose lines are told apart by nothing else; the socket must be at rest,
/// though it may be full and go on dropping.
pub(crate) fn assert_queues(report: &SocketEntry, family: &[&str], ends: &str) {
    let Some(listing) = run(&[family, &["-amHO"]].concat()) else { return skip(Skip::NeedsIproute2) };
    let ends: Vec<&str> = ends.split(' ').collect();
    let words = |line: &'_ str| line.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    // Without /etc/protocols it has only numbers.
    let named = |line: &str| line.replace("ipproto-1 ", "icmp ").replace("ipproto-58 ", "ipv6-icmp ");
    let of_it = |line: &&str| words(&named(line)).windows(ends.len()).any(|window| window == ends);
    let mut lines: Vec<&str> = listing.lines().filter(of_it).collect();
    // The kernel tells of members of netlink groups twice.
    lines.sort_unstable();
    lines.dedup_by_key(|line| line.trim_end());
    let [line] = lines.as_slice() else { panic!("{} lines of {ends:?} in:\n{listing}", lines.len()) };
    let words = words(line);
    let mut queues = words.iter().filter_map(|word| word.parse::<u64>().ok());
    let theirs = (queues.next(), queues.next());
    let socket = &report.socket;
    assert_eq!((socket.recv_q.size(), socket.send_q.size()), theirs, "ss says: {line}");
    if let Some(memory) = line.split("skmem:(").nth(1) {
        let theirs: Vec<u32> = memory
            .split([',', ')'])
            .take(9)
            .map(|part| part.trim_start_matches(char::is_alphabetic).parse().expect("a number"))
            .collect();
        let ours = numbers(&socket.skmem);
        assert_eq!(ours[..8], theirs[..8], "ss says: {line}");
        assert!(ours[8] <= theirs[8], "ss, a little later, says: {line}");
    }
}

fn list() -> Option<String> {
    run(&["-tunxaemiHO"])
}

fn run(arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("ss");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    let output = try_spawn(&mut command).ok()?.wait_with_output().expect("it ends");
    assert!(output.status.success(), "ss fails");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn state(report: &SocketEntry) -> &'static str {
    match report.socket.state.name() {
        "established" => "ESTAB",
        "close" => "UNCONN",
        "close_wait" => "CLOSE-WAIT",
        "listen" => "LISTEN",
        "fin_wait1" => "FIN-WAIT-1",
        "fin_wait2" => "FIN-WAIT-2",
        "last_ack" => "LAST-ACK",
        "closing" => "CLOSING",
        other => other,
    }
}

/// IP sockets have it behind `ino:`; unix sockets in the place of the local port. A name can have
/// blanks in it, so that place is counted from the end: number, `*` or a name, peer's number.
fn line_inode(line: &str, is_unix: bool) -> Option<u32> {
    if line.starts_with("u_") != is_unix {
        return None;
    }
    if !is_unix {
        return line.split_whitespace().find_map(|word| word.strip_prefix("ino:"))?.parse().ok();
    }
    let words: Vec<&str> = line.split(" skmem:").next()?.split_whitespace().collect();
    words.get(words.len().checked_sub(3)?)?.parse().ok()
}

fn parse(line: &str) -> Line {
    let words: Vec<&str> = line.split_whitespace().collect();
    let skmem = line.split("skmem:(").nth(1).and_then(|rest| rest.split(')').next()).expect("ss -m");
    let skmem: Vec<u32> = skmem
        .split(',')
        .map(|part| part.trim_start_matches(char::is_alphabetic).parse().expect("a number"))
        .collect();
    Line {
        state: words[1].to_owned(),
        recv_q: words[2].parse().expect("Recv-Q"),
        send_q: words[3].parse().expect("Send-Q"),
        cookie: words.iter().find_map(|word| word.strip_prefix("sk:")).map(str::to_owned),
        skmem: skmem.try_into().expect("nine numbers"),
    }
}
