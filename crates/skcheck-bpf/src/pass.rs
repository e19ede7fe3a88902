//! Reads an iterator to its end, and hands on what its program puts into a ring buffer meanwhile.

use std::fs::File;
use std::io::{self, Read};
use std::time::Instant;

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use aya::programs::Iter;
use aya::programs::iter::IterLink;

use crate::btf::KernelBtf;
use crate::error::{Error, defect};

/// How often in a row an iterator may stop without having handed out anything. It also stops, with
/// nothing to say, after every million of objects.
const IDLE_STOPS: u32 = 100_000;

/// A ring buffer of an object.
pub(crate) type Ring = RingBuf<MapData>;

/// Takes a ring buffer out of an object.
pub(crate) fn take_ring(ebpf: &mut Ebpf, name: &str) -> Result<Ring, Error> {
    let map = ebpf.take_map(name).ok_or_else(|| Error::missing(name))?;
    RingBuf::try_from(map).map_err(|error| Error::map(&error))
}

/// Loads an iterator program.
pub(crate) fn load(ebpf: &mut Ebpf, btf: &KernelBtf, program: &str, target: &str) -> Result<(), Error> {
    let iter = program_of(ebpf, program)?;
    iter.load(target, &btf.iterators).map_err(|error| Error::program(program, &error))
}

/// A link to an iterator program that has been loaded: the way to as many iterators as are needed.
pub(crate) fn link(ebpf: &mut Ebpf, program: &str) -> Result<IterLink, Error> {
    let iter = program_of(ebpf, program)?;
    let id = iter.attach().map_err(|error| Error::program(program, &error))?;
    iter.take_link(id).map_err(|error| Error::program(program, &error))
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
pub(crate) fn run(
    mut iterator: File,
    ring: &mut Ring,
    deadline: Option<Instant>,
    on_record: &mut dyn FnMut(&[u8]),
) -> io::Result<Ended> {
    let mut nothing = [0; 4096];
    let mut idle = 0;
    loop {
        let read = iterator.read(&mut nothing);
        idle = if drain(ring, on_record) { 0 } else { idle + 1 };
        match read {
            Ok(0) => return Ok(Ended::Whole),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Ok(Ended::OutOfTime);
        }
        if idle > IDLE_STOPS {
            return Err(defect("an iterator does not come to its end"));
        }
    }
}

fn drain(ring: &mut Ring, on_record: &mut dyn FnMut(&[u8])) -> bool {
    let mut any = false;
    while let Some(record) = ring.next() {
        any = true;
        on_record(&record);
    }
    any
}
