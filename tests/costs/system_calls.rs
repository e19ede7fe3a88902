//! One readlinkat for each descriptor, one recvfrom for each datagram, a constant for each process.

use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use nix::libc;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use skcheck_core::testing::decode::Answer;
use skcheck_core::testing::request;
use skcheck_core::testing::request::States;
use skcheck_core::{Host, Live, Query, Table};

use crate::trace::{self, Calls};
use crate::world::{Idlers, Sockets, child, in_own_world, role, scan_idle};

/// How the allocator gets its memory: as it sees fit.
const OF_ALLOCATOR: [libc::c_long; 6] = [
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
];

/// Those that a size may change.
const GROWING: [libc::c_long; 3] = [libc::SYS_readlinkat, libc::SYS_getdents64, libc::SYS_recvfrom];

#[test]
fn a_descriptor_is_one_readlinkat_and_a_datagram_one_recvfrom() {
    in_own_world("system_calls::a_descriptor_is_one_readlinkat_and_a_datagram_one_recvfrom", || {
        if let Some(sockets) = role() {
            let sockets = Sockets::make(sockets.parse().expect("a number"));
            scan_idle(); // what is loaded once for all
            let datagrams = datagrams();
            trace::let_count(scan_idle);
            println!("\ndatagrams {datagrams}");
            drop(sockets);
            return;
        }
        let (few, many) = (200, 800);
        let [before, after] = [few, many].map(|sockets| {
            let (calls, text) = trace::count(child(&sockets.to_string()));
            let datagrams = text.lines().find_map(|line| line.strip_prefix("datagrams "));
            println!("{sockets} sockets, {datagrams:?} datagrams: {calls:?}");
            assert_eq!(datagrams, Some(calls[libc::SYS_recvfrom].to_string().as_str()));
            calls
        });
        assert_eq!(after[libc::SYS_readlinkat] - before[libc::SYS_readlinkat], many - few);
        // An entry of /proc/PID/fd takes 24 bytes, and the buffer has 32 KiB.
        let buffers = (many - few) * 24 / (32 * 1024) + 1;
        assert!(after[libc::SYS_getdents64] - before[libc::SYS_getdents64] <= buffers);
        let rest = |calls: &Calls| calls.without(&GROWING).without(&OF_ALLOCATOR);
        assert_eq!(rest(&before), rest(&after), "nothing else depends on how many sockets there are");
    });
}

#[test]
fn a_process_is_a_constant_number_of_calls() {
    in_own_world("system_calls::a_process_is_a_constant_number_of_calls", || {
        if let Some(processes) = role() {
            let idlers = Idlers::start(processes.parse().expect("a number"));
            scan_idle();
            trace::let_count(scan_idle);
            drop(idlers);
            return;
        }
        let [few, more, most] = [4, 8, 12].map(|processes: u64| {
            let (calls, _) = trace::count(child(&processes.to_string()));
            // Each holds three descriptors, and this process a pipe to each.
            calls.without(&OF_ALLOCATOR).total()
        });
        let each = (more - few) / 4;
        println!("{each} calls for each process and its four descriptors");
        assert_eq!((more - few, most - more), (4 * each, 4 * each));
        assert!(each <= 4 + 16, "{each} calls for each process and its four descriptors");
    });
}

/// Who holds a socket is looked for in threads, rings and messages only where a socket that carries data has
/// nobody else; and then no descriptor costs more than one readlinkat a look, but those of sockets that may
/// have received a message.
#[test]
fn what_is_rare_is_looked_for_where_nobody_else_is_known() {
    in_own_world("system_calls::what_is_rare_is_looked_for_where_nobody_else_is_known", || {
        if let Some(role) = role() {
            let (sockets, how) = role.split_once(' ').expect("a number and a word");
            let sockets = Sockets::make(sockets.parse().expect("a number"));
            let (mut sender, reader) = UnixStream::pair().expect("a pair");
            sender.write_all(b"ten bytes.").expect("room");
            let (into_message, message) = UnixStream::pair().expect("a pair");
            let known = match how {
                "known" => Some(reader),
                _ => {
                    send(&into_message, &reader);
                    drop(reader);
                    None
                }
            };
            let mut query = Query::default();
            query.deep = how == "deep";
            let host = Live::new().comparing(skcheck_bpf::same_files);
            let scan = || skcheck_core::scan(&host, &query).expect("a scan");
            scan();
            let snapshot = trace::let_count(scan);
            let readers = snapshot.sockets.iter().filter(|report| report.socket.recv_q.holds_something());
            let holdings: Vec<&str> = readers.map(|report| report.holding.name()).collect();
            println!("\nholdings {}", holdings.join(" "));
            drop((sockets, known, message, sender, into_message));
            return;
        }
        let (few, many) = (200, 800);
        for (how, holdings, looks) in [
            ("known", "descriptors", 1),
            ("unheld", "descriptors in_flight", 3),
            ("deep", "descriptors in_flight", 3),
        ] {
            let [before, after] = [few, many].map(|sockets| {
                let (calls, text) = trace::count(child(&format!("{sockets} {how}")));
                let mut told: Vec<&str> = text
                    .lines()
                    .find_map(|line| line.strip_prefix("holdings "))
                    .expect("a line")
                    .split(' ')
                    .collect();
                told.sort_unstable();
                println!("{sockets} sockets, {how}: {calls:?}");
                assert_eq!(told.join(" "), holdings);
                calls
            });
            assert_eq!(
                after[libc::SYS_readlinkat] - before[libc::SYS_readlinkat],
                looks * (many - few),
                "{how}"
            );
            // Whether it has to wait for the thread that reads a command line, is chance.
            let rest =
                |calls: &Calls| calls.without(&GROWING).without(&OF_ALLOCATOR).without(&[libc::SYS_futex]);
            assert_eq!(
                rest(&before),
                rest(&after),
                "{how}: nothing else depends on how many sockets there are"
            );
            assert_eq!(after[libc::SYS_kcmp] > 0, how != "known", "{how}");
        }
    });
}

/// Sends a descriptor beside a byte.
fn send(sender: &UnixStream, socket: &UnixStream) {
    let fds = [socket.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    rustix::net::sendmsg(sender, &[IoSlice::new(b"x")], &mut control, SendFlags::empty()).expect("sent");
}

/// How many datagrams the kernel sends for one dump of each table.
fn datagrams() -> u64 {
    let live = Live::new();
    let mut diag = live.diag(None).expect("NETLINK_SOCK_DIAG");
    let mut datagrams = 0;
    // Of MPTCP /proc/net/protocols tells that there is none, and nobody is asked; ping sockets are in a file.
    let is_asked = |table: &Table| !matches!(table, Table::Mptcp(_)) && table.module().is_some();
    let tables = Query::default().tables().into_iter().filter(is_asked);
    let mut missing = Vec::new();
    for (table, sequence) in tables.zip(1..) {
        // A module that is missing is asked for once.
        if missing.contains(&table.module()) {
            continue;
        }
        let mut answer = Answer::new(table, sequence);
        let dump = request::dump(table, States::Holding, sequence);
        let asked = diag.ask(&dump, &mut |datagram| {
            datagrams += 1;
            answer.datagram(datagram, |_| {})
        });
        asked.expect("an answer");
        missing.extend(answer.errno.map(|_| table.module()));
    }
    datagrams
}
