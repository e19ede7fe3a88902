//! A process that is told what is ready, into memory that is not there: `ep->mtx` is held.

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::{about_to, forever, holds, open, unread};
use crate::fuse::NEVER_READ;
use crate::memory;
use crate::role::call;
use crate::world::Shows;

pub(super) fn wait() {
    call("sk-epoll");
    let (_writer, reader) = unread(7000);
    let set = epoll::create(CreateFlags::CLOEXEC).expect("a free descriptor");
    epoll::add(&set, &reader, EventData::new_u64(1), EventFlags::IN).expect("a socket can be polled");
    let events = memory::events_of_file(&open(NEVER_READ));
    holds("holds", &reader, 7000);
    about_to(&Shows::waits_for_a_file());
    let _ = epoll::wait(&set, events, None);
    forever()
}
