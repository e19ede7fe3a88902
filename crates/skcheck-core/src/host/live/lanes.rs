//! Looks at many processes on several threads, and hands on what is seen in the order in which they were asked for.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::host::live::files::Live;
use crate::host::seam::look;
use crate::host::sight::{Looking, Sight};

/// More than this are of no use: one thread takes in what they read, some twenty times as fast as one of them reads.
const MOST: usize = 16;

/// Starting a thread takes as long as looking at so many processes of few descriptors.
const LEAST_PROCESSES: usize = 4;

/// So many sights are handed over at once, and what they point to in so many bytes: links of sockets have 19 at most,
/// those of files 63.
const PART: usize = 1024;
const TARGETS: usize = PART * 19;

/// A lane is ahead by so many parts at most: what it holds of them is 1.3 MiB.
const AHEAD: usize = 40;

/// Looks at these processes, on as many threads as help; where no thread can be had, on this one.
pub(super) fn look_at_each(live: &Live, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) {
    let lanes = processors().min(MOST).min(pids.len() / LEAST_PROCESSES);
    let was_done = lanes > 1 && on_lanes(live, pids, at, lanes, on_sight);
    if !was_done {
        for pid in pids {
            look(live, *pid, at, &mut |sight| on_sight(*pid, sight));
        }
    }
}

/// How many processors this process may run on (`sched_getaffinity`). That of a control group's quota is not
/// asked for: its files could be anywhere.
pub(crate) fn processors() -> usize {
    rustix::thread::sched_getaffinity(None).map_or(1, |set| set.count().max(1) as usize)
}

/// Whether there was a thread that did it.
fn on_lanes(
    live: &Live,
    pids: &[u32],
    at: Looking,
    lanes: usize,
    on_sight: &mut dyn FnMut(u32, Sight<'_>),
) -> bool {
    let (taken, order) = mpsc::channel();
    let next = Mutex::new(0);
    std::thread::scope(|scope| {
        let start = |number| Lane { number, live, pids, at, next: &next, taken: taken.clone() }.start(scope);
        let (lanes, threads): (Vec<Receiver<Part>>, Vec<_>) = (0..lanes).map_while(start).unzip();
        // Where no lane is left, none takes a process any more.
        drop(taken);
        if lanes.is_empty() {
            return false;
        }
        for pid in pids {
            let lane = order.recv().ok().and_then(|lane: usize| lanes.get(lane));
            let mut has_ended = false;
            while let Some(part) = lane.filter(|_| !has_ended).and_then(|lane| lane.recv().ok()) {
                has_ended = part.hand_on(&mut |sight| on_sight(*pid, sight));
            }
            if !has_ended {
                on_sight(*pid, Sight::End(Err(io::Error::other("the thread that read it has ended"))));
            }
        }
        // What became of one that ended early has been told.
        threads.into_iter().for_each(|thread| drop(thread.join()));
        true
    })
}

/// One of the threads.
struct Lane<'l> {
    number: usize,
    live: &'l Live,
    pids: &'l [u32],
    at: Looking,
    /// Which process is taken next.
    next: &'l Mutex<usize>,
    /// Where it says that it took one, in the order in which they are taken.
    taken: Sender<usize>,
}

impl<'l> Lane<'l> {
    /// Starts the thread, which hands over what it sees; `None` where no thread can be had.
    fn start<'s>(self, scope: &'s Scope<'s, '_>) -> Option<(Receiver<Part>, ScopedJoinHandle<'s, ()>)>
    where
        'l: 's,
    {
        let (parts, received) = mpsc::sync_channel(AHEAD);
        let thread = Builder::new().name("skcheck-look".to_owned());
        let thread = thread.spawn_scoped(scope, move || self.run(&parts)).ok()?;
        Some((received, thread))
    }

    /// Looks at one process after the other, until there are no more or nobody listens.
    fn run(self, parts: &SyncSender<Part>) {
        while let Some(pid) = self.next() {
            let mut part = Part::default();
            let mut is_heard = true;
            look(self.live, pid, self.at, &mut |sight| {
                part.add(sight);
                if part.is_full() {
                    is_heard &= parts.send(std::mem::take(&mut part)).is_ok();
                }
            });
            if !is_heard {
                return;
            }
        }
    }

    /// The next process that nobody has taken.
    fn next(&self) -> Option<u32> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = self.pids.get(*next).copied()?;
        *next += 1;
        self.taken.send(self.number).ok()?;
        Some(pid)
    }
}

/// Some of what is seen of a process.
#[derive(Default)]
struct Part {
    seen: Vec<Seen>,
    /// What links point to, one behind the other.
    targets: Vec<u8>,
    /// It is the last one.
    end: Option<io::Result<()>>,
}

/// A sight; what it points to is elsewhere.
struct Seen {
    kind: Kind,
    /// How long what it points to is: links are cut.
    length: u8,
    task: u32,
    fd: u32,
}

enum Kind {
    Descriptor,
    Netns,
    ThreadNetns,
    MountNamespace,
}

impl Part {
    fn add(&mut self, sight: Sight<'_>) {
        let (kind, task, fd, target) = match sight {
            Sight::Descriptor { task, fd, target } => (Kind::Descriptor, task, fd, target),
            Sight::Netns { task, target } => (Kind::Netns, task, 0, target),
            Sight::ThreadNetns { tid, target } => (Kind::ThreadNetns, tid, 0, target),
            Sight::MountNamespace(target) => (Kind::MountNamespace, 0, 0, target),
            Sight::End(read) => {
                self.end = Some(read);
                return;
            }
        };
        let length = u8::try_from(target.len()).unwrap_or(u8::MAX);
        self.targets.extend_from_slice(target.get(..length.into()).unwrap_or_default());
        self.seen.push(Seen { kind, length, task, fd });
    }

    /// Whether it is to be handed over.
    fn is_full(&self) -> bool {
        self.end.is_some() || self.seen.len() >= PART || self.targets.len() >= TARGETS
    }

    /// Hands on what was seen. Whether that was all of the process.
    fn hand_on(self, on_sight: &mut dyn FnMut(Sight<'_>)) -> bool {
        let mut targets = &self.targets[..];
        for Seen { kind, length, task, fd } in self.seen {
            let (target, rest) = targets.split_at_checked(length.into()).unwrap_or_default();
            targets = rest;
            on_sight(match kind {
                Kind::Descriptor => Sight::Descriptor { task, fd, target },
                Kind::Netns => Sight::Netns { task, target },
                Kind::ThreadNetns => Sight::ThreadNetns { tid: task, target },
                Kind::MountNamespace => Sight::MountNamespace(target),
            });
        }
        match self.end {
            Some(read) => {
                on_sight(Sight::End(read));
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// What is told of these, in the order in which it is told.
    fn told(look: impl FnOnce(&mut dyn FnMut(u32, Sight<'_>))) -> Vec<String> {
        let mut told = Vec::new();
        look(&mut |pid, sight| told.push(format!("{pid} {sight:?}")));
        told
    }

    /// A process that has opened all that it opens.
    fn idler() -> Child {
        let mut idler = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        idler.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        idler.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        idler
    }

    #[test]
    fn threads_tell_what_one_tells_in_the_same_order() {
        let mut idlers: Vec<Child> = (0..6).map(|_| idler()).collect();
        let mut pids: Vec<u32> = idlers.iter().map(Child::id).collect();
        // Nobody has this number, and many times the same one is asked for.
        pids.push(u32::MAX);
        let pids = pids.repeat(20);
        let (live, at) = (Live::new(), Looking { descriptors: true, namespaces: true });
        let one = told(|on_sight| {
            for pid in &pids {
                look(&live, *pid, at, &mut |sight| on_sight(*pid, sight));
            }
        });
        for lanes in [1, 3, MOST] {
            let many = told(|on_sight| assert!(on_lanes(&live, &pids, at, lanes, on_sight)));
            let differing = many.iter().zip(&one).position(|(a, b)| a != b);
            assert_eq!((many.len(), differing), (one.len(), None), "{lanes} lanes");
        }
        for idler in &mut idlers {
            idler.kill().unwrap();
            idler.wait().unwrap();
        }
        assert!(one.len() > 5 * pids.len(), "{}", one.len());
    }

    #[test]
    fn a_part_is_no_larger_than_it_may_be() {
        for target in [&[b'x'; 63][..], b"socket:[4294967295]", b"/"] {
            let mut part = Part::default();
            while !part.is_full() {
                part.add(Sight::Descriptor { task: 1, fd: 2, target });
            }
            let bytes = part.seen.capacity() * size_of::<Seen>() + part.targets.capacity();
            assert!((AHEAD + 1) * bytes <= 2 << 20, "{bytes} bytes");
            let (added, mut told) = (part.seen.len(), 0);
            let is_end = part.hand_on(&mut |sight| {
                told += usize::from(
                    matches!(sight, Sight::Descriptor { task: 1, fd: 2, target: it } if it == target),
                );
            });
            assert_eq!((told, is_end), (added, false));
        }
    }
}
