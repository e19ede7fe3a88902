//! Processes that are inside a system call which has locked their socket.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrV4, SocketFlags, SocketType, ipproto, recv, socketpair,
};

use super::{about_to, forever, holds, innocent, open, unread};
use crate::fuse::{NEVER_READ, SLOWLY};
use crate::memory;
use crate::role::{call, tell};
use crate::world::Shows;

const PAGE: usize = 4096;

/// `tcp_recvmsg` copies with the lock held.
pub(super) fn receive() {
    call("sk-recv");
    let (_writer, reader) = unread(7000);
    let buffer = memory::of_file(&open(NEVER_READ), PAGE);
    holds("holds", &reader, 7000);
    about_to(&Shows::waits_for_a_file());
    let _ = recv(&reader, buffer, RecvFlags::empty());
    forever()
}

/// `tcp_sendmsg` too.
pub(super) fn send() {
    call("sk-send");
    let (writer, reader) = unread(7000);
    let buffer = memory::of_file(&open(NEVER_READ), PAGE);
    holds("holds", &reader, 7000);
    about_to(&Shows::waits_for_a_file());
    let _ = rustix::net::send(&writer, buffer, SendFlags::empty());
    forever()
}

/// `mptcp_recvmsg`, and `mptcp_diag_fill_info` waits for it.
pub(super) fn receive_mptcp() {
    call("sk-mptcp");
    let socket = || {
        let kind = (AddressFamily::INET, SocketType::STREAM);
        let socket = rustix::net::socket_with(kind.0, kind.1, SocketFlags::CLOEXEC, Some(ipproto::MPTCP));
        socket.expect("the kernel has MPTCP")
    };
    let (listener, writer) = (socket(), socket());
    rustix::net::bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    rustix::net::listen(&listener, 1).expect("it is bound");
    let address = rustix::net::getsockname(&listener).expect("it is bound");
    rustix::net::connect(&writer, &address).expect("it listens");
    let reader = rustix::net::accept_with(&listener, SocketFlags::CLOEXEC).expect("the writer waits");
    write_and_wait(&writer, &reader, 7000);
    let buffer = memory::of_file(&open(NEVER_READ), PAGE);
    holds("holds-mptcp", &reader, 7000);
    about_to(&Shows::waits_for_a_file());
    let _ = recv(&reader, buffer, RecvFlags::empty());
    forever()
}

/// The same without a file system: nobody fills the memory.
pub(super) fn receive_into_userfault() {
    call("sk-userfault");
    let (_writer, reader) = unread(7000);
    let Some((buffer, _faults)) = memory::of_userfaultfd(PAGE) else {
        return tell("unable");
    };
    holds("holds", &reader, 7000);
    about_to(&Shows::WaitIn("handle_userfault".to_owned()));
    let _ = recv(&reader, buffer, RecvFlags::empty());
    forever()
}

/// A unix socket's reader copies with nothing locked that anybody asks for.
pub(super) fn receive_unix() {
    call("sk-unix");
    let pair = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let (writer, reader) = pair.expect("a pair");
    write_and_wait(&writer, &reader, 700);
    let buffer = memory::of_file(&open(NEVER_READ), PAGE);
    innocent(&Shows::waits_for_a_file());
    let _ = recv(&reader, buffer, RecvFlags::empty());
    forever()
}

/// Each page of its buffer takes a little to come: the lock is free now and then.
pub(super) fn receive_slowly() {
    call("sk-slowly");
    let (_writer, reader) = unread(50_000);
    let buffer = memory::of_file(&open(SLOWLY), 1000 * PAGE);
    innocent(&Shows::waits_for_a_file());
    for page in buffer.chunks_mut(PAGE) {
        if recv(&reader, &mut page[..10], RecvFlags::empty()).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    forever()
}

fn write_and_wait(writer: &OwnedFd, reader: &OwnedFd, bytes: usize) {
    rustix::net::send(writer, &vec![b'x'; bytes], SendFlags::empty()).expect("there is room");
    while rustix::io::ioctl_fionread(reader.as_fd()).expect("a socket tells") < bytes as u64 {
        std::thread::sleep(Duration::from_millis(2));
    }
}
