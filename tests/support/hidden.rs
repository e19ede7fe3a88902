//! Sockets that no table of a process has.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use io_uring::IoUring;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use skcheck_core::{Holder, Via};

use super::child::Sleeper;
use super::doing::Doing;
use super::scan::mine;
use super::sockets::unix_pair;

/// Leaves a socket to a thread with a table of its own; `test` lets children play.
pub(crate) fn to_thread(test: &str, socket: impl Into<OwnedFd>) -> (Holder, Doing) {
    let (doing, numbers) = Doing::start_as(test, "own table", socket);
    let [tid] = numbers[..] else { panic!("{numbers:?}") };
    (Holder::of_thread(doing.pid(), tid, Sleeper::FD), doing)
}

/// Leaves a socket to a ring of io_uring of this process.
pub(crate) fn to_ring(socket: impl Into<OwnedFd>) -> (Holder, IoUring) {
    let ring = IoUring::new(8).expect("this kernel has io_uring");
    ring.submitter().register_files(&[-1, socket.into().as_raw_fd()]).expect("room for it");
    (mine(&ring).leading(Via::IoUring), ring)
}

/// A message that carries a socket, which another process has not received.
pub(crate) struct Message {
    _sender: OwnedFd,
    _receiver: Sleeper,
}

/// Leaves a socket to a message.
pub(crate) fn to_message(socket: impl Into<OwnedFd>) -> (Holder, Message) {
    let (sender, receiver) = unix_pair(rustix::net::SocketType::STREAM);
    send(&sender, &socket.into());
    let receiver = Sleeper::holding(receiver);
    let holder = Holder::new(receiver.pid(), Sleeper::FD).leading(Via::InFlight);
    (holder, Message { _sender: sender, _receiver: receiver })
}

/// Sends a descriptor beside a byte.
pub(crate) fn send(sender: &impl AsFd, socket: &impl AsFd) {
    let fds = [socket.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    rustix::net::sendmsg(sender, &[IoSlice::new(b"x")], &mut control, SendFlags::empty()).expect("sent");
}
