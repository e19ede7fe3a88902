//! Readers and writers at a known rate. They are late only for moments: what is due is counted from the
//! beginning, and not from the step before.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::net::RecvFlags;

use crate::memory;
use crate::role::{Given, gone, ready};

/// The payload of each datagram.
pub(crate) const DATAGRAM: usize = 1000;
/// How often something is due.
const STEP: Duration = Duration::from_millis(10);

/// Reads so many bytes a second from a stream.
pub(crate) fn read(given: Given, rate: u64) {
    let [socket] = given.sockets();
    blocking(&socket);
    read_from(socket, rate);
}

/// The same from a socket of its own.
pub(crate) fn read_from(socket: impl AsFd, rate: u64) {
    let mut buffer = vec![0; 1 << 16];
    at(rate, |due| {
        let most = buffer.len().min(due);
        rustix::io::read(&socket, &mut buffer[..most]).unwrap_or_else(|_| gone())
    });
}

/// Writes so many bytes a second to a stream.
pub(crate) fn write(given: Given, rate: u64) {
    let [socket] = given.sockets();
    blocking(&socket);
    let buffer = vec![b'x'; 1 << 16];
    at(rate, |due| {
        let most = buffer.len().min(due);
        rustix::io::write(&socket, &buffer[..most]).unwrap_or_else(|_| gone())
    });
}

/// Receives so many bytes a second, in datagrams of [`DATAGRAM`].
pub(crate) fn receive(given: Given, rate: u64) {
    let [socket] = given.sockets();
    at(rate, |due| {
        if due < DATAGRAM {
            return 0;
        }
        rustix::io::read(&socket, &mut [0; DATAGRAM]).unwrap_or_else(|_| gone())
    });
}

/// Sends so many bytes a second, in datagrams of [`DATAGRAM`].
pub(crate) fn send(given: Given, rate: u64) {
    let [socket] = given.sockets();
    at(rate, |due| {
        if due < DATAGRAM {
            return 0;
        }
        rustix::io::write(&socket, &[b'x'; DATAGRAM]).unwrap_or_else(|_| gone())
    });
}

/// Reads a little, and works on it for so many microseconds: it never sleeps.
pub(crate) fn toil(given: Given, microseconds: u64) {
    let [socket] = given.sockets();
    blocking(&socket);
    let mut buffer = [0; DATAGRAM];
    ready();
    loop {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(microseconds) {
            std::hint::spin_loop();
        }
        rustix::io::read(&socket, &mut buffer).unwrap_or_else(|_| gone());
    }
}

/// Reads a little, and sleeps for so many milliseconds.
pub(crate) fn sip(given: Given, milliseconds: u64) {
    let [socket] = given.sockets();
    blocking(&socket);
    let mut buffer = [0; DATAGRAM];
    ready();
    loop {
        rustix::io::read(&socket, &mut buffer).unwrap_or_else(|_| gone());
        std::thread::sleep(Duration::from_millis(milliseconds));
    }
}

/// Reads a little, and then touches so many pages of memory of its own, which are not there.
pub(crate) fn page(given: Given, pages: u64) {
    const PAGE: usize = 4096;
    let [socket] = given.sockets();
    blocking(&socket);
    let mut file = tempfile::tempfile().expect("a directory");
    let bytes = usize::try_from(pages).expect("few") * PAGE;
    file.write_all(&vec![b'x'; bytes]).expect("there is room");
    // What is not yet written is kept.
    file.sync_all().expect("it can be written");
    let memory = memory::of_file(&file, bytes);
    let mut buffer = [0; DATAGRAM];
    ready();
    loop {
        rustix::io::read(&socket, &mut buffer).unwrap_or_else(|_| gone());
        memory::forget(memory);
        let touched: usize = memory.iter().step_by(PAGE).map(|byte| usize::from(*byte == b'x')).sum();
        assert_eq!(touched as u64, pages);
    }
}

/// Accepts so many connections a second, and closes them. For each it writes a byte, so that they are counted.
pub(crate) fn accept(given: Given, rate: u64) {
    let [listener] = given.sockets();
    let nowhere = File::create("/dev/null").expect("anybody may");
    at(rate, |due| {
        if due == 0 {
            return 0;
        }
        rustix::net::accept(&listener).unwrap_or_else(|_| gone());
        rustix::io::write(&nowhere, b"x").expect("it takes everything")
    });
}

/// Connects to a port again and again, and stays until the other end closes.
pub(crate) fn connect(port: u64) {
    let port = u16::try_from(port).expect("a port");
    ready();
    loop {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_or_else(|_| gone());
        let _ = rustix::net::recv(&stream, &mut [0; 1], RecvFlags::empty());
    }
}

/// Has `work` done at a rate, for ever: it is told how many bytes are due and says how many it did.
fn at(rate: u64, mut work: impl FnMut(usize) -> usize) {
    ready();
    let begun = Instant::now();
    let mut done = 0;
    for step in 1.. {
        std::thread::sleep((begun + STEP * step).saturating_duration_since(Instant::now()));
        loop {
            let so_far = u128::from(rate) * begun.elapsed().as_micros() / 1_000_000;
            let due = u64::try_from(so_far).expect("small").saturating_sub(done);
            match work(usize::try_from(due).expect("small")) {
                0 => break,
                moved => done += moved as u64,
            }
        }
    }
}

/// Who filled the socket may have left it non-blocking.
pub(crate) fn blocking(socket: &OwnedFd) {
    rustix::io::ioctl_fionbio(socket, false).expect("a socket");
}
