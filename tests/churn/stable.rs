//! Sockets that stay, each with known bytes that nobody reads.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::scans::Row;
use crate::world::{self, Child};

/// The role that holds them.
pub(crate) const ROLE: &str = "stable";

/// How many there are of each kind: 500 together.
const OF_EACH: usize = 100;

/// The process that holds them, and what it has said of them.
pub(crate) struct Stable {
    child: Child,
    /// By inode.
    sockets: BTreeMap<u32, Socket>,
}

/// A socket that is not read.
#[derive(Debug)]
struct Socket {
    fd: u32,
    recv_q: u64,
    /// The descriptor of its other end, where it has one.
    peer_fd: Option<u32>,
}

impl Stable {
    pub(crate) fn start() -> Stable {
        let mut child = Child::start(ROLE);
        let said = BufReader::new(child.output()).lines().map(|line| line.expect("text"));
        let lines = said.skip_while(|line| line != BEGIN).skip(1).take_while(|line| line != END);
        let sockets: BTreeMap<_, _> = lines.map(|line| parse(&line)).collect();
        assert_eq!(sockets.len(), 5 * OF_EACH);
        Stable { child, sockets }
    }

    /// What a scan says wrong of them.
    pub(crate) fn mistakes(&self, rows: &[Row]) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut seen = BTreeMap::new();
        for row in rows {
            match row.inode.and_then(|inode| self.sockets.get(&inode)) {
                Some(socket) if self.is_right(row, socket) => {}
                Some(socket) => mistakes.push(format!("{row:?} instead of {socket:?}")),
                None if row.holders.iter().any(|(pid, _)| *pid == self.child.pid()) => {
                    mistakes.push(format!("{row:?}, which there is not"));
                }
                None => {}
            }
            *seen.entry(row.inode).or_insert(0) += 1;
        }
        for inode in self.sockets.keys() {
            let times = seen.get(&Some(*inode)).copied().unwrap_or(0);
            if times != 1 {
                mistakes.push(format!("{inode} is reported {times} times"));
            }
        }
        mistakes
    }

    fn is_right(&self, row: &Row, socket: &Socket) -> bool {
        let held = |fd: Option<u32>| fd.map(|fd| (self.child.pid(), fd)).into_iter().collect::<Vec<_>>();
        row.recv_q == Some(socket.recv_q)
            && row.holders == held(Some(socket.fd))
            && row.peer_holders == held(socket.peer_fd)
    }
}

const BEGIN: &str = "stable sockets:";
const END: &str = "these are all";

/// `INODE FD RECVQ`, and the descriptor of the other end, where there is one.
fn parse(line: &str) -> (u32, Socket) {
    let numbers: Vec<u32> = line.split(' ').map(|word| word.parse().expect("a number")).collect();
    let [inode, fd, recv_q, ref peer_fd @ ..] = numbers[..] else { panic!("{line}") };
    (inode, Socket { fd, recv_q: recv_q.into(), peer_fd: peer_fd.first().copied() })
}

/// Makes the sockets, says what they are, and holds them until the parent ends.
pub(crate) fn hold() {
    let mut held: Vec<OwnedFd> = Vec::new();
    println!("\n{BEGIN}");
    for number in 0..OF_EACH {
        // Each has its own number of bytes.
        let bytes = vec![b'x'; number + 1];
        let sent = bytes.len() as u64;
        let tcp = ["127.0.0.1:0", "[::1]:0"].map(|address| tcp(address, &bytes));
        let (mut writer, stream) = UnixStream::pair().expect("a unix pair");
        writer.write_all(&bytes).expect("there is room");
        let (sender, datagrams) = UnixDatagram::pair().expect("a unix pair");
        sender.send(&bytes).expect("there is room");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback is up");
        udp.send_to(&bytes, udp.local_addr().expect("bound")).expect("there is room");
        for (writer, reader) in tcp {
            say(&reader, sent, Some(&writer));
            held.extend([writer.into(), reader.into()]);
        }
        say(&stream, sent, Some(&writer));
        say(&datagrams, sent, Some(&sender));
        say(&udp, charged(udp.local_addr().expect("bound")), None);
        held.extend([writer.into(), stream.into(), sender.into(), datagrams.into(), udp.into()]);
    }
    println!("{END}");
    world::end_with_parent();
    loop {
        thread::park();
    }
}

fn say(reader: &impl AsFd, recv_q: u64, writer: Option<&dyn AsFd>) {
    let inode = rustix::fs::fstat(reader).expect("it is open").st_ino;
    let fd = |socket: &dyn AsFd| socket.as_fd().as_raw_fd();
    let peer = writer.map_or(String::new(), |writer| format!(" {}", fd(writer)));
    println!("{inode} {} {recv_q}{peer}", fd(reader));
}

/// A connection over loopback: the end that has written, and the one that has not read.
fn tcp(address: &str, bytes: &[u8]) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(address).expect("loopback is up");
    let mut writer = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let reader = listener.accept().expect("the client waits").0;
    writer.write_all(bytes).expect("there is room");
    let deadline = Instant::now() + Duration::from_secs(60);
    while rustix::io::ioctl_fionread(&reader).expect("a socket") != bytes.len() as u64 {
        assert!(Instant::now() < deadline, "the bytes do not arrive");
        thread::sleep(Duration::from_millis(1));
    }
    (writer, reader)
}

/// What the kernel charges for what a UDP socket of 127.0.0.1 has received (`rx_queue` of /proc/net/udp).
fn charged(address: SocketAddr) -> u64 {
    let table = std::fs::read_to_string("/proc/net/udp").expect("/proc is mounted");
    let local = format!(":{:04X}", address.port());
    let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut of_port = lines.filter(|words| words.get(1).is_some_and(|it| it.ends_with(&local)));
    let queues = of_port.next().expect("it is bound")[4];
    u64::from_str_radix(queues.rsplit(':').next().expect("two numbers"), 16).expect("hexadecimal")
}
