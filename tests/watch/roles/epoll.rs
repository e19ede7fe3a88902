//! Programs that wait in epoll sets, and do not read a socket.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::role::{Given, ready};

/// Waits for a pipe alone: the socket is in no set.
pub(crate) fn watch_others(given: Given) {
    let [socket] = given.sockets::<1>();
    let set = create();
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
    add(&set, &reader, EventFlags::IN);
    ready();
    wait_for_ever(&set);
    drop((socket, writer));
}

/// Has taken the socket's EPOLLIN away, as one does who cannot pass on what it would read.
pub(crate) fn stop_asking(given: Given) {
    let [socket] = given.sockets::<1>();
    let set = create();
    add(&set, &socket, EventFlags::IN | EventFlags::RDHUP);
    assert_eq!(wait(&set), 1);
    epoll::modify(&set, &socket, EventData::new_u64(0), EventFlags::RDHUP).expect("it is in the set");
    ready();
    wait_for_ever(&set);
}

/// Is told once that there is data, and waits for what comes next.
pub(crate) fn ignore_edge(given: Given) {
    let [socket] = given.sockets::<1>();
    let set = create();
    add(&set, &socket, EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET);
    assert_eq!(wait(&set), 1);
    ready();
    wait_for_ever(&set);
}

/// Has the socket in a set which is in another, is told once by that, and does not look into the inner one.
pub(crate) fn ignore_inner(given: Given) {
    let [socket] = given.sockets::<1>();
    let (inner, outer) = (create(), create());
    add(&inner, &socket, EventFlags::IN);
    add(&outer, &inner, EventFlags::IN | EventFlags::ET);
    assert_eq!(wait(&outer), 1);
    ready();
    wait_for_ever(&outer);
}

/// Is told once, and does not ask again.
pub(crate) fn not_rearm(given: Given) {
    let [socket] = given.sockets::<1>();
    let set = create();
    add(&set, &socket, EventFlags::IN | EventFlags::ONESHOT);
    assert_eq!(wait(&set), 1);
    ready();
    wait_for_ever(&set);
}

/// Has the socket in one set, and waits in another.
pub(crate) fn wait_elsewhere(given: Given) {
    let [socket] = given.sockets::<1>();
    let (forgotten, set) = (create(), create());
    add(&forgotten, &socket, EventFlags::IN);
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
    add(&set, &reader, EventFlags::IN);
    ready();
    wait_for_ever(&set);
    drop((forgotten, writer));
}

fn create() -> OwnedFd {
    epoll::create(CreateFlags::CLOEXEC).expect("a set")
}

fn add(set: &OwnedFd, what: &impl AsFd, events: EventFlags) {
    epoll::add(set, what, EventData::new_u64(0), events).expect("it can be waited for");
}

/// How many of the set have something to tell.
fn wait(set: &OwnedFd) -> usize {
    let nothing = Event { flags: EventFlags::empty(), data: EventData::new_u64(0) };
    epoll::wait(set, &mut [nothing; 4], None).unwrap_or(0)
}

fn wait_for_ever(set: &OwnedFd) {
    loop {
        wait(set);
    }
}
