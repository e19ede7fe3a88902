//! A real tcpdump whose ring is full, since nobody reads what it writes; and one beside it that writes to a
//! file.

use std::fs::OpenOptions;
use std::io::Read;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use nix::libc::SYS_write;
use nix::sys::stat::Mode;
use skcheck_core::watch::cause::{CauseCode, Fact};
use skcheck_core::watch::evidence::Call;
use skcheck_core::watch::progress::Reading;
use skcheck_core::{Fill, Holder, Inode, Protocol, SocketEntry};

use crate::kernel;
use crate::look::{SHORT, Seen, engine, here, stands_on, watch, watch_by};
use crate::real::real;
use crate::role::Role;
use crate::support::netns::in_own_netns;
use crate::support::scan::{self, eventually};
use crate::support::skip::{Skip, skip};

/// tcpdump, once it listens, and its packet socket.
fn tcpdump(program: &str, output: &Path) -> (Role, Inode) {
    let output = output.to_str().expect("ASCII");
    let words = [program, "-i", "lo", "-n", "-B", "1024", "-U", "-Z", "root", "-w", output];
    let role = Role::start(&format!("become {}", words.join(" ")), Vec::new());
    let mut query = here();
    query.pids = vec![role.pid()];
    let socket = eventually("it listens", || {
        let bound = |report: &SocketEntry| {
            report.socket.protocol == Protocol::Packet && report.socket.interface.is_some()
        };
        let found = scan::run(&query).sockets.into_iter().find(|report| bound(report) && has_ring(report));
        found.and_then(|report| report.socket.inode)
    });
    (role, socket)
}

fn has_ring(report: &SocketEntry) -> bool {
    report.socket.rings.is_some_and(|rings| rings.rx.is_some())
}

fn fill(seen: &Seen, socket: Inode) -> Option<Fill> {
    let now = seen.socket(socket).now.expect("a ring holds something");
    seen.now.snapshot.sockets[now].socket.rings.expect("told").fill
}

fn send(datagrams: usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback is up");
    let to = socket.local_addr().expect("bound");
    for _ in 0..datagrams {
        socket.send_to(&[b'x'; 1000], to).expect("loopback takes it");
    }
}

#[test]
fn a_pipe_that_nobody_reads() {
    let Some(program) = real("tcpdump") else { return skip(Skip::NeedsPackage("tcpdump")) };
    if !in_own_netns("rings::a_pipe_that_nobody_reads") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("fifo");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("there is room");
    let mut options = OpenOptions::new();
    let mut fifo =
        options.read(true).write(true).custom_flags(nix::libc::O_NONBLOCK).open(&path).expect("made");
    let (stuck, full) = tcpdump(&program, &path);
    let (innocent, read) = tcpdump(&program, &directory.path().join("file"));
    assert_ne!(full, read);
    // The fifo takes 64 KiB, the ring 1 MiB.
    eventually("it cannot write", || {
        send(4000);
        let waits = std::fs::read_to_string(format!("/proc/{}/syscall", stuck.pid())).ok()?;
        waits.starts_with(&format!("{SYS_write} ")).then_some(())
    });
    send(4000);
    kernel::sleeps_in(stuck.pid(), &[SYS_write]);

    if engine().is_some() {
        let seen = watch_by(engine(), &here(), || {
            send(1000);
            std::thread::sleep(SHORT);
        });
        let fill = fill(&seen, full).expect("the engine looks");
        assert!(fill.has_no_room() && fill.full > 0 && fill.packets > 100, "{fill:?}");
        let cause = seen.stalled_by(full, CauseCode::Backpressure);
        let writes = |fact: &Fact| matches!(fact, Fact::Thread { call: Some((Call::Write, Some(_))), .. });
        stands_on(cause, stuck.pid(), writes);
        let mine = u32::try_from(fifo.as_raw_fd()).expect("a descriptor");
        assert_eq!(seen.root(full).links[0].reader, Some(Holder::new(std::process::id(), mine)));
        assert!(seen.socket(full).drops > Some(0), "{:#?}", seen.socket(full));
        assert_eq!(seen.socket(full).now.map(|at| seen.now.snapshot.sockets[at].pids().len()), Some(1));
    }
    // Nobody is told to read who may not; and nobody to stand still who reads.
    let seen = watch_by(None, &here(), || std::thread::sleep(SHORT));
    assert_eq!((seen.reading(full), seen.reading(read)), (Reading::Unknown, Reading::Unknown));
    for _ in 0..3 {
        let seen = watch_by(engine(), &here(), || {
            send(50);
            std::thread::sleep(SHORT);
        });
        assert_ne!(seen.reading(read), Reading::Stalled, "{:#?}", seen.socket(read));
        assert_eq!(seen.socket(read).cause, None);
    }
    // Once the pipe is read, the ring is emptied.
    eventually("the ring is emptied", || {
        let mut bytes = vec![0; 1 << 16];
        while fifo.read(&mut bytes).is_ok_and(|count| count > 0) {}
        let seen = watch(Duration::from_millis(100));
        let is_empty = fill(&seen, full).is_none_or(|fill| !fill.has_no_room());
        (is_empty && seen.reading(full) != Reading::Stalled).then_some(())
    });
    drop((stuck, innocent));
}
