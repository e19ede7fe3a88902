//! Walks the queues of sockets packet by packet: `walk.c`.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use aya::maps::{Array, HashMap, MapData};
use aya::{Ebpf, EbpfLoader};
use skcheck_core::engine::{Limits, Step, Target};
use skcheck_core::{Live, Netns, Protocol};

use crate::btf::KernelBtf;
use crate::error::{Error, defect};
use crate::pass::{self, Ended, Ring};
use crate::wire::WalkRecord;

/// `walk.c`, compiled.
pub(crate) const OBJECT: &[u8] = aya::include_bytes_aligned!("bpf/walk.o");

/// What one packet takes in the ring buffer, if it has all the fragments that it can have (17, if the kernel is
/// built as most are).
const PACKET_BYTES: u64 = 512;

/// What is kept free in the ring buffer for the ends of queues and of a socket: one that is begun must end,
/// else it would be taken for one that has vanished.
const ENDS: u64 = 1 << 16;

/// The smallest and the largest ring buffer, in bytes. A host that is out of memory is asked for little.
const RING: std::ops::RangeInclusive<u64> = 1 << 22..=1 << 26;

/// A loop of a program takes at most 2^23 steps (`BPF_MAX_LOOPS`), and a tree three for each packet.
const MOST_PACKETS: u32 = 2_700_000;

/// With time limited, this many of the heaviest sockets are walked first, then more and more.
const FIRST: usize = 16;

/// How often the sockets that were not met are looked for: a table that changes under an iterator can
/// hide a socket, and where there was no room for one it is left out.
const ROUNDS: usize = 3;

/// Which program meets a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Tcp,
    Udp,
    Unix,
    /// Through a descriptor: in no table, of a namespace that nothing leads to, or UDP-Lite, which has no
    /// iterator.
    Files,
}

impl Way {
    const ALL: [Way; 4] = [Way::Tcp, Way::Udp, Way::Unix, Way::Files];

    fn of(target: &Target<'_>) -> Way {
        match target.protocol {
            _ if target.netns.is_none() => Way::Files,
            Protocol::Tcp => Way::Tcp,
            Protocol::Udp => Way::Udp,
            Protocol::UnixStream | Protocol::UnixDatagram | Protocol::UnixSeqpacket => Way::Unix,
            _ => Way::Files,
        }
    }

    /// The program and what it iterates over.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Way::Tcp => ("walk_tcp", "tcp"),
            Way::Udp => ("walk_udp", "udp"),
            Way::Unix => ("walk_unix", "unix"),
            Way::Files => ("walk_files", "task_file"),
        }
    }
}

/// Walks `targets`, the first ones first. Returns whether all were looked for.
pub(crate) fn run(
    host: &Live,
    btf: &KernelBtf,
    targets: &[Target<'_>],
    limits: &Limits,
    on_step: &mut dyn FnMut(usize, Step<'_>),
) -> io::Result<bool> {
    let mut walker = Walker::load(btf, targets.len(), limits)?;
    let deadline = walker.start(limits.time)?;
    let mut done = vec![false; targets.len()];
    let mut first = 0;
    let mut count = if deadline.is_some() { FIRST } else { targets.len() };
    while first < targets.len() {
        let last = first.saturating_add(count).min(targets.len());
        let ended = walker.batch(host, targets, first..last, deadline, &mut done, on_step)?;
        if ended == Ended::OutOfTime {
            return Ok(false);
        }
        first = last;
        count = count.saturating_mul(FIRST);
    }
    Ok(true)
}

struct Walker<'b> {
    btf: &'b KernelBtf,
    ebpf: Ebpf,
    ring: Ring,
    loaded: Vec<Way>,
}

impl<'b> Walker<'b> {
    fn load(btf: &'b KernelBtf, targets: usize, limits: &Limits) -> Result<Walker<'b>, Error> {
        let packet_limit = limits.packets.min(MOST_PACKETS);
        let wanted = u64::from(packet_limit).saturating_mul(PACKET_BYTES);
        let ring = wanted.saturating_add(ENDS).clamp(*RING.start(), *RING.end()).next_power_of_two();
        let full = ring - ENDS;
        // What is begun finds room for all its packets, as far as the buffer can be that large.
        let room = full - wanted.min(ring / 2 + ring / 4);
        let page_shift = rustix::param::page_size().trailing_zeros();
        let mut ebpf = EbpfLoader::new()
            .btf(Some(&btf.types))
            .map_max_entries("packets", u32::try_from(ring).unwrap_or(u32::MAX))
            .map_max_entries("targets", u32::try_from(targets.max(1)).unwrap_or(u32::MAX))
            .override_global("packet_limit", &packet_limit, true)
            .override_global("page_shift", &page_shift, true)
            .override_global("room", &room, true)
            .override_global("full", &full, true)
            .load(OBJECT)
            .map_err(|error| Error::object(&error))?;
        let ring = pass::take_ring(&mut ebpf, "packets")?;
        Ok(Walker { btf, ebpf, ring, loaded: Vec::new() })
    }

    /// Sets the time after which no socket is begun any more, here and in the programs. Loading them does not
    /// count.
    fn start(&mut self, time: Option<Duration>) -> Result<Option<Instant>, Error> {
        let Some(time) = time else { return Ok(None) };
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let since_boot =
            Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0));
        let map = self.ebpf.map_mut("deadline").ok_or_else(|| Error::missing("deadline"))?;
        let mut deadline: Array<&mut MapData, u64> = map.try_into().map_err(|error| Error::map(&error))?;
        deadline
            .set(0, nanoseconds(since_boot.saturating_add(time)), 0)
            .map_err(|error| Error::map(&error))?;
        Ok(Some(Instant::now() + time))
    }

    /// Walks some of the targets.
    fn batch(
        &mut self,
        host: &Live,
        targets: &[Target<'_>],
        batch: std::ops::Range<usize>,
        deadline: Option<Instant>,
        done: &mut [bool],
        on_step: &mut dyn FnMut(usize, Step<'_>),
    ) -> io::Result<Ended> {
        let mut wanted = self.wanted()?;
        for at in batch.clone() {
            let (Some(target), Ok(slot)) = (targets.get(at), u32::try_from(at)) else { continue };
            wanted.insert(target.cookie.0, slot, 0).map_err(|error| Error::map(&error))?;
        }
        for round in 0..ROUNDS {
            let before = done.iter().filter(|done| **done).count();
            for way in Way::ALL {
                let open = batch.clone().filter(|at| !done.get(*at).copied().unwrap_or(true));
                let targets: Vec<&Target<'_>> =
                    open.filter_map(|at| targets.get(at)).filter(|target| Way::of(target) == way).collect();
                for place in places(&targets, way) {
                    let iterator = self.iterator(host, way, place)?;
                    let Some(iterator) = iterator else { continue };
                    let mut on_record = |record: &[u8]| hand_on(record, done, on_step);
                    let ended = pass::run(iterator, &mut self.ring, deadline, &mut on_record)?;
                    if ended == Ended::OutOfTime {
                        return Ok(ended);
                    }
                }
            }
            let left = batch.clone().any(|at| done.get(at) == Some(&false));
            let progress = done.iter().filter(|done| **done).count() > before;
            // Once more for what a changing table hid; and as often as room was short and some got in.
            if !left || round > 0 && !progress {
                break;
            }
        }
        // A program that found no time left for a socket has passed it over.
        let passed_over = deadline.is_some_and(|deadline| Instant::now() > deadline)
            && batch.clone().any(|at| done.get(at) == Some(&false));
        Ok(if passed_over { Ended::OutOfTime } else { Ended::Whole })
    }

    /// An iterator over the sockets of a namespace; `None` when nothing leads there any more.
    fn iterator(&mut self, host: &Live, way: Way, place: Option<&Netns>) -> io::Result<Option<File>> {
        let (program, over) = way.program();
        if !self.loaded.contains(&way) {
            pass::load(&mut self.ebpf, self.btf, program, over)?;
            self.loaded.push(way);
        }
        let link = pass::link(&mut self.ebpf, program)?;
        let Some(netns) = place else { return link.into_file().map(Some).map_err(defect) };
        // An iterator is over the namespace that it was made in.
        match host.within(netns, move || link.into_file().map_err(defect)) {
            Ok(iterator) => iterator.map(Some),
            Err(_) => Ok(None),
        }
    }

    fn wanted(&mut self) -> Result<HashMap<&mut MapData, u64, u32>, Error> {
        let map = self.ebpf.map_mut("targets").ok_or_else(|| Error::missing("targets"))?;
        map.try_into().map_err(|error| Error::map(&error))
    }
}

/// The namespaces that these sockets are in, each once; one that stands for all where the program sees all.
fn places<'t>(targets: &[&Target<'t>], way: Way) -> Vec<Option<&'t Netns>> {
    if way == Way::Files {
        return if targets.is_empty() { Vec::new() } else { vec![None] };
    }
    let mut places: Vec<Option<&Netns>> = Vec::new();
    for target in targets {
        if places.iter().all(|known| known.map(|it| it.id) != target.netns.map(|it| it.id)) {
            places.push(target.netns);
        }
    }
    places
}

fn hand_on(record: &[u8], done: &mut [bool], on_step: &mut dyn FnMut(usize, Step<'_>)) {
    let Some((slot, record)) = WalkRecord::decode(record) else { return };
    let target = slot as usize;
    match record {
        WalkRecord::Packet(packet) => on_step(target, Step::Packet(&packet)),
        WalkRecord::Anew(queue) => on_step(target, Step::Anew(queue)),
        WalkRecord::QueueEnd { mut end, no_room } => {
            end.complete &= !no_room;
            on_step(target, Step::QueueEnd(end));
        }
        WalkRecord::SocketEnd(counters) => {
            if let Some(done) = done.get_mut(target) {
                *done = true;
            }
            on_step(target, Step::End(counters));
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
