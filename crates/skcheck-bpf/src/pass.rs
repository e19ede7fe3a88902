//! Reads an iterator to its end, and hands on what its program puts into a ring buffer meanwhile.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use aya::programs::Iter;
use aya::programs::iter::IterLink;

use crate::btf::KernelBtf;
use crate::error::{Error, defect};
use crate::task_file;

/// How often in a row an iterator may stop without having handed out anything. It also stops, with
/// nothing to say, after every million of objects.
const IDLE_STOPS: u32 = 100_000;

/// A ring buffer of an object.
pub(crate) type RingBuffer = RingBuf<MapData>;

/// Takes a ring buffer out of an object.
pub(crate) fn take_ring(ebpf: &mut Ebpf, name: &str) -> Result<RingBuffer, Error> {
    let map = ebpf.take_map(name).ok_or_else(|| Error::missing(name))?;
    RingBuf::try_from(map).map_err(|error| Error::map(&error))
}

/// Loads an iterator program.
pub(crate) fn load(ebpf: &mut Ebpf, btf: &KernelBtf, program: &str, target: &str) -> Result<(), Error> {
    let iter = program_of(ebpf, program)?;
    iter.load(target, &btf.with_iterator(target)).map_err(|error| Error::program(program, &error))
}

/// A link to an iterator program that has been loaded: the way to as many iterators as are needed.
pub(crate) fn link(ebpf: &mut Ebpf, program: &str) -> Result<IterLink, Error> {
    let iter = program_of(ebpf, program)?;
    let id = iter.attach().map_err(|error| Error::program(program, &error))?;
    iter.take_link(id).map_err(|error| Error::program(program, &error))
}

/// An iterator of a program that has been loaded over the descriptors of one process alone.
///
/// # Errors
/// Where the kernel has no such iterators; see [`task_file::of_process`].
pub(crate) fn of_process(ebpf: &mut Ebpf, program: &str, pid: u32) -> io::Result<File> {
    let program = program_of(ebpf, program)?.fd().map_err(defect)?;
    task_file::of_process(program.as_fd(), pid)
}

fn program_of<'e>(ebpf: &'e mut Ebpf, name: &str) -> Result<&'e mut Iter, Error> {
    let program = ebpf.program_mut(name).ok_or_else(|| Error::missing(name))?;
    program.try_into().map_err(|error| Error::program(name, &error))
}

/// Whether a pass came to its end, or was given up because time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Whole,
    OutOfTime,
}

/// Reads an iterator to its end; a program that finds no room in the ring buffer makes it stop, and
/// goes on where it stopped.
///
/// # Errors
/// `TimedOut` when the kernel does not come back in time.
pub(crate) fn run(
    iterator: File,
    ring: &mut RingBuffer,
    time: Time,
    on_record: &mut dyn FnMut(&[u8]),
) -> io::Result<Ended> {
    read_to_end(iterator, time, &mut || drain(ring, on_record))
}

/// How long a pass may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    /// When to give up between two stops.
    pub(crate) deadline: Option<Instant>,
    /// How long to wait for one stop. One comes after a million of objects.
    pub(crate) patience: Duration,
    /// The iterator locks sockets.
    pub(crate) locks: bool,
}

impl Time {
    /// As long as it takes, as long as anything happens.
    pub(crate) const AMPLE: Time = Time { deadline: None, patience: Duration::from_secs(30), locks: false };
}

fn read_to_end(
    iterator: impl Read + Send + 'static,
    time: Time,
    drain: &mut dyn FnMut() -> bool,
) -> io::Result<Ended> {
    let mut reader = IteratorReader::start(iterator);
    let mut idle = 0;
    loop {
        let read = reader.read(time)?;
        idle = if drain() { 0 } else { idle + 1 };
        match read {
            Ok(0) => return Ok(Ended::Whole),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        if time.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Ok(Ended::OutOfTime);
        }
        if idle > IDLE_STOPS {
            return Err(defect("an iterator does not come to its end"));
        }
    }
}

/// Reads an iterator.
enum IteratorReader<I> {
    /// On a thread of its own, which is left behind when it does not come back: an iterator may have to close
    /// what it looks at, and one that locks sockets waits for the locks without end.
    Thread { turns: SyncSender<()>, reads: Receiver<io::Result<usize>> },
    /// Here, where there can be no more threads.
    Here(I),
}

impl<I: Read + Send + 'static> IteratorReader<I> {
    fn start(iterator: I) -> IteratorReader<I> {
        let (turns, turn) = mpsc::sync_channel::<()>(1);
        let (done, reads) = mpsc::sync_channel(1);
        // A thread that could not be made takes what it was given with it: it is given the iterator
        // afterwards.
        let (give, get) = mpsc::sync_channel::<I>(1);
        let thread = std::thread::Builder::new().name("skcheck-iterate".to_owned()).spawn(move || {
            let Ok(mut iterator) = get.recv() else { return };
            while turn.recv().is_ok() && done.send(read_once(&mut iterator)).is_ok() {}
        });
        if thread.is_err() {
            return IteratorReader::Here(iterator);
        }
        match give.send(iterator) {
            Ok(()) => IteratorReader::Thread { turns, reads },
            Err(mpsc::SendError(iterator)) => IteratorReader::Here(iterator),
        }
    }

    /// Reads once.
    fn read(&mut self, time: Time) -> io::Result<io::Result<usize>> {
        let (turns, reads) = match self {
            IteratorReader::Thread { turns, reads } => (turns, reads),
            IteratorReader::Here(iterator) => return Ok(read_once(iterator)),
        };
        let gone = || defect("the thread that reads an iterator has ended");
        turns.send(()).map_err(|_| gone())?;
        reads.recv_timeout(time.patience).map_err(|error| match error {
            RecvTimeoutError::Timeout if time.locks => io::Error::new(
                io::ErrorKind::TimedOut,
                "a process is stuck while it holds a socket's lock (ps -eo pid,stat,wchan,comm shows it in state D)",
            ),
            RecvTimeoutError::Timeout => {
                let what = format!("the kernel did not come back within {} s", time.patience.as_secs());
                io::Error::new(io::ErrorKind::TimedOut, what)
            }
            RecvTimeoutError::Disconnected => gone(),
        })
    }
}

fn read_once(iterator: &mut impl Read) -> io::Result<usize> {
    iterator.read(&mut [0; 4096])
}

fn drain(ring: &mut RingBuffer, on_record: &mut dyn FnMut(&[u8])) -> bool {
    let mut any = false;
    while let Some(record) = ring.next() {
        any = true;
        on_record(&record);
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_come_back_is_left_behind() {
        // Nobody ever writes into this pipe, and nobody closes it.
        let (reader, _writer) = io::pipe().unwrap();
        let time = Time { patience: Duration::from_millis(50), ..Time::AMPLE };
        let error = read_to_end(reader, time, &mut || false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    /// Says that it stopped twice, and then that it is at its end.
    struct Stops(u32);

    impl Read for Stops {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 2 { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) }
        }
    }

    #[test]
    fn a_stop_is_no_end() {
        let mut drained = 0;
        let ended = read_to_end(Stops(0), Time::AMPLE, &mut || {
            drained += 1;
            true
        });
        assert_eq!((ended.unwrap(), drained), (Ended::Whole, 3));
        let over = Time { deadline: Some(Instant::now() - Duration::from_secs(1)), ..Time::AMPLE };
        assert_eq!(read_to_end(Stops(0), over, &mut || true).unwrap(), Ended::OutOfTime);
    }
}
