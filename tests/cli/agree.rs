//! What one command says of a socket no other one denies: the report, `--stalled`, `watch` and `packets`.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::run::{json, run, skcheck, wait_until};

/// A program that has one socket, as its standard input.
struct Holder(Child);

impl Holder {
    /// One that reads nothing, whatever comes.
    fn idle(socket: impl Into<OwnedFd>) -> Holder {
        Holder::running("sleep", &["100"], socket)
    }

    fn running(program: &str, arguments: &[&str], socket: impl Into<OwnedFd>) -> Holder {
        let mut command = Command::new(program);
        command.args(arguments).stdin(socket.into()).stdout(Stdio::null()).stderr(Stdio::null());
        Holder(command.spawn().unwrap())
    }

    fn stopped(self) -> Holder {
        kill_process(Pid::from_child(&self.0), Signal::STOP).unwrap();
        let stat = format!("/proc/{}/stat", self.0.id());
        wait_until("it is stopped", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
        self
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the commands say of the socket at descriptor 0 of a process.
struct Said {
    report: Option<Value>,
    stalled: Option<Value>,
    watch: Option<Value>,
    packets: Value,
    headline: String,
    stalled_headline: String,
    watch_text: String,
}

impl Said {
    fn of(holder: &Holder) -> Said {
        let pid = holder.0.id();
        let its = |document: &Value| {
            let sockets = document["sockets"].as_array().unwrap().iter();
            let at = |socket: &&Value| {
                let holders = socket["holders"].as_array().unwrap();
                holders.iter().any(|at| at["pid"] == pid && at["fd"] == 0)
            };
            sockets.filter(at).find(|socket| socket["holding"] != "awaiting_accept").cloned()
        };
        let text = |arguments: &str| {
            let ran = run(&mut skcheck(arguments));
            assert_eq!(ran.code, Some(0), "{ran:?}");
            ran.out
        };
        let watched = text(&format!("watch --pid {pid} --interval 1s --for 1s --format jsonl"));
        let watched: Value = serde_json::from_str(watched.lines().last().unwrap()).unwrap();
        Said {
            report: its(&json(&format!("--all --pid {pid}"))),
            stalled: its(&json(&format!("--stalled --pid {pid}"))),
            watch: its(&watched),
            packets: json(&format!("packets {pid} 0 --again 1s")),
            headline: text(&format!("--pid {pid}")),
            stalled_headline: text(&format!("--stalled --pid {pid}")),
            watch_text: text(&format!("watch --pid {pid} --interval 1s --for 1s")),
        }
    }

    /// Checks what all of them have to say of a socket that nobody reads.
    fn stands_still(&self, name: &str, cause: &str) {
        let report = self.report.as_ref().unwrap();
        assert!(self.headline.starts_with(&format!("{name} (")), "{}", self.headline);
        assert!(self.headline.contains(" sits on "), "{}", self.headline);
        let watch = self.watch.as_ref().unwrap();
        assert_eq!(watch["verdict"], "stalled", "{watch}");
        assert_eq!(watch["cause"]["code"], cause, "{watch}");
        let stalled = self.stalled.as_ref().expect("--stalled has what a watch calls stalled");
        let still = format!("{name} ({}) has read nothing", watch["cause"]["pid"]);
        for text in [&self.stalled_headline, &self.watch_text] {
            assert!(text.starts_with(&still), "{text}");
        }
        let again = &self.packets["again"];
        assert_eq!((&again["read"], &again["gone"]), (&Value::Bool(false), &0.into()), "{again}");
        for field in ["recv_q", "unread", "charged"] {
            // A look of a watch walks one packet of each queue: of datagrams it may not know what the report
            // knows.
            for other in [&stalled[field], &watch[field]] {
                assert!(*other == report[field] || field == "unread" && other.is_null(), "{field}: {other}");
            }
        }
        self.has_the_same_queue();
    }

    /// What the report measured is what `packets` shows.
    fn has_the_same_queue(&self) {
        let report = self.report.as_ref().unwrap();
        assert_eq!(report["unread"], self.packets["unread"]);
        assert_eq!(report["pinned"], self.packets["pinned"]);
        assert_eq!(report["exact"], self.packets["exact"]);
    }
}

fn tcp(unread: usize) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let reader = listener.accept().unwrap().0;
    writer.write_all(&vec![b'x'; unread]).unwrap();
    wait_until("it has arrived", || rustix::io::ioctl_fionread(&reader).unwrap() == unread as u64);
    (writer, reader)
}

#[test]
fn of_a_connection_that_is_not_read() {
    let (_writer, reader) = tcp(50_000);
    Said::of(&Holder::idle(reader)).stands_still("sleep", "blocked");
    let (_writer, reader) = tcp(1);
    Said::of(&Holder::idle(reader).stopped()).stands_still("sleep", "stopped");
}

/// One message is enough, whoever else could be hidden on the host.
#[test]
fn of_one_unix_message() {
    let (mut writer, reader) = UnixStream::pair().unwrap();
    writer.write_all(b"hello").unwrap();
    Said::of(&Holder::idle(reader).stopped()).stands_still("sleep", "stopped");
    let (mut writer, reader) = UnixStream::pair().unwrap();
    writer.write_all(b"hello").unwrap();
    Said::of(&Holder::idle(reader)).stands_still("sleep", "blocked");
}

#[test]
fn of_datagrams() {
    let reader = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let writer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = reader.local_addr().unwrap();
    for _ in 0..3 {
        writer.send_to(&[b'x'; 1000], to).unwrap();
    }
    let port = format!(":{:04X} ", to.port());
    wait_until("they have arrived", || {
        let table = std::fs::read_to_string("/proc/net/udp").unwrap();
        let line = table.lines().find(|line| line.contains(&port)).unwrap();
        // Each is charged the same.
        u64::from_str_radix(&line.split_whitespace().nth(4).unwrap()[9..], 16).unwrap() >= 3 * 1000
    });
    Said::of(&Holder::idle(reader).stopped()).stands_still("sleep", "stopped");
}

/// The innocent: what comes is read.
#[test]
fn of_a_reader() {
    let (mut writer, reader) = tcp(50_000);
    let holder = Holder::running("cat", &[], reader);
    let pid = holder.0.id();
    wait_until("it is read", || json(&format!("--pid {pid}"))["sockets"].as_array().unwrap().is_empty());
    writer.write_all(&[b'x'; 1000]).unwrap();
    wait_until("it is read", || json(&format!("--pid {pid}"))["sockets"].as_array().unwrap().is_empty());
    let said = Said::of(&holder);
    assert!(said.stalled.is_none() && said.watch.is_none_or(|watch| watch["verdict"] == "idle"));
    assert_eq!(said.packets["again"]["before"], 0);
    assert!(said.headline.starts_with("No socket matches"), "{}", said.headline);
    for text in [&said.stalled_headline, &said.watch_text] {
        let beginnings = ["Nobody stands still", "Nobody is known to stand still"];
        assert!(beginnings.iter().any(|beginning| text.starts_with(beginning)), "{text}");
    }
}

/// A writer whose peer takes nothing stands still itself for want of a reader: nothing of it is called
/// unread.
#[test]
fn of_a_writer() {
    let (mut writer, reader) = tcp(1);
    writer.set_nonblocking(true).unwrap();
    // The peer's buffer may grow, and what is on its way make room, for a while.
    let mut refused = 0;
    wait_until("no more is taken", || {
        refused = if writer.write(&[b'x'; 1 << 16]).is_err() { refused + 1 } else { 0 };
        refused > 200
    });
    let peer = Holder::idle(reader);
    let said = Said::of(&Holder::idle(writer));
    assert!(said.stalled.is_none());
    assert_eq!((&said.packets["unread"], &said.packets["again"]["before"]), (&0.into(), &0.into()));
    assert!(
        said.headline.contains(" has sent ") && !said.headline.contains(" sits on "),
        "{}",
        said.headline
    );
    let watch = said.watch.as_ref().unwrap();
    assert_eq!((&watch["verdict"], &watch["writing"]), (&"idle".into(), &"stalled".into()), "{watch}");
    assert!(said.watch_text.contains("takes nothing"), "{}", said.watch_text);
    drop(peer);
}
