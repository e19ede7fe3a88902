//! Small programs that hold sockets: this test binary, run once more with the name of a role. A role
//! inherits no socket: it is sent its own, so that nobody else holds them.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketType, sockopt,
};
use skcheck_core::{Holder, Inode};

use crate::kernel;
use crate::support::child::spawn;
use crate::support::sockets::unix_pair;

/// The environment variable that names the role.
const ROLE: &str = "SKCHECK_TEST_ROLE";
/// A role gets no more sockets.
const MOST_SOCKETS: usize = 8;
/// A watchdog: a role that nobody ended ends by itself.
const LIFETIME: Duration = Duration::from_secs(900);

/// A program that plays a role. It ends when this is dropped, or when its test ends otherwise.
pub(crate) struct Role {
    child: Child,
    channel: OwnedFd,
}

impl Role {
    /// Starts a role with these sockets, and waits until it says that it is ready. `role` is a name of
    /// [`roles::play`](crate::roles::play), with what it is told behind a blank.
    pub(crate) fn start(role: &str, sockets: Vec<OwnedFd>) -> Role {
        let program = std::env::current_exe().expect("the test binary has a path");
        Role::start_by(&mut Command::new(program), role, sockets)
    }

    /// The same, started by a command that ends in this test binary.
    pub(crate) fn start_by(command: &mut Command, role: &str, sockets: Vec<OwnedFd>) -> Role {
        let (channel, theirs) = unix_pair(SocketType::SEQPACKET);
        sockopt::set_socket_timeout(&channel, sockopt::Timeout::Recv, Some(Duration::from_secs(60)))
            .expect("a socket");
        command.env(ROLE, role).stdin(theirs).stdout(Stdio::null()).stderr(Stdio::inherit());
        let child = spawn(command);
        // The command still has the other end of the channel, and would keep it open.
        command.stdin(Stdio::null());
        let role = Role { child, channel };
        send(role.channel.as_fd(), &sockets);
        drop(sockets);
        role.wait();
        role
    }

    /// Waits until it says something.
    ///
    /// # Panics
    /// When it has ended instead.
    pub(crate) fn wait(&self) {
        let said = rustix::net::recv(&self.channel, &mut [0; 8], RecvFlags::empty());
        assert_eq!(said.expect("it speaks in time").0, 1, "a role ended before it was ready");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its descriptor of this socket.
    pub(crate) fn holder(&self, inode: Inode) -> Holder {
        Holder::new(self.pid(), kernel::descriptor(self.pid(), inode))
    }

    /// How many bytes it has read and written so far (`rchar` and `wchar` of /proc/PID/io: what read(2) and
    /// write(2) returned, and neither recv(2) nor send(2)).
    pub(crate) fn moved(&self) -> u64 {
        let counters = std::fs::read_to_string(format!("/proc/{}/io", self.pid())).expect("it runs");
        let counters = counters.lines().filter_map(|line| line.split_once("char: "));
        counters.map(|(_, bytes)| bytes.parse::<u64>().expect("a number")).sum()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).expect("it runs");
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a role is given.
pub(crate) struct Given {
    sockets: Vec<OwnedFd>,
}

impl Given {
    /// Its sockets, as many as it expects.
    pub(crate) fn sockets<const N: usize>(self) -> [OwnedFd; N] {
        self.sockets.try_into().expect("as many sockets as the role has")
    }
}

/// Says that a step is done; the first time that the role is ready.
pub(crate) fn ready() {
    rustix::net::send(std::io::stdin(), b"r", SendFlags::empty()).expect("the test listens");
}

/// The other programs have ended, and so the test has.
pub(crate) fn gone() -> ! {
    std::process::exit(0)
}

fn send(channel: BorrowedFd<'_>, sockets: &[OwnedFd]) {
    let sockets: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !sockets.is_empty() {
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&sockets)), "too many sockets");
    }
    let sent = rustix::net::sendmsg(channel, &[IoSlice::new(b"s")], &mut ancillary, SendFlags::empty());
    sent.expect("the role listens");
}

fn receive() -> Given {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let message = rustix::net::recvmsg(
        std::io::stdin(),
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    );
    let flags = message.expect("the test sends").flags;
    assert!(!flags.contains(ReturnFlags::CTRUNC), "too many sockets");
    let rights = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
        _ => None,
    });
    Given { sockets: rights.flatten().collect() }
}

/// Runs before `main`, which is the test harness's, and becomes the role where one is named: the harness
/// runs tests on threads of their own, and most of what is to be watched has one thread.
#[used]
#[allow(unsafe_code)] // the attribute is: what it names must be a function like this one
#[unsafe(link_section = ".init_array")]
static ENTRY: extern "C" fn() = enter;

extern "C" fn enter() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let with_parent = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    with_parent.expect("anyone may");
    nix::unistd::alarm::set(LIFETIME.as_secs().try_into().expect("small"));
    crate::roles::play(&role, receive());
    std::process::exit(0);
}
