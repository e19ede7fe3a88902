//! The programs that walk queues, in the kernel: `walk.c`.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aya::maps::{Array, HashMap, MapData};
use aya::{Ebpf, EbpfLoader};
use skcheck_core::engine::Limits;
use skcheck_core::{Cookie, Live, Netns};

use crate::btf::KernelBtf;
use crate::error::{Error, defect};
use crate::pass::{self, Ended, Ring, Time};
use crate::walk::Way;

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

/// Where time is limited, how much longer than that a program may take over a million sockets.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many sockets the map `targets` has room for.
const TARGETS: usize = 1 << 16;

/// The programs that walk queues. Each is loaded when it is first needed.
pub(crate) struct Walker {
    btf: Arc<KernelBtf>,
    ebpf: Ebpf,
    ring: Ring,
    ring_bytes: u64,
    loaded: Vec<Way>,
}

impl Walker {
    /// Makes the maps, the ring buffer large enough for a socket of this many packets, and loads the program
    /// that is needed most.
    pub(crate) fn load(loader: EbpfLoader<'_>, btf: Arc<KernelBtf>, packets: u32) -> Result<Walker, Error> {
        let mut loader: EbpfLoader<'_> = loader;
        let ring_bytes = ring_for(packets);
        let page_shift = rustix::param::page_size().trailing_zeros();
        let mut ebpf = loader
            .btf(Some(&btf.types))
            .map_max_entries("packets", u32::try_from(ring_bytes).unwrap_or(u32::MAX))
            .override_global("page_shift", &page_shift, true)
            .load(OBJECT)
            .map_err(|error| Error::object(&error))?;
        let ring = pass::take_ring(&mut ebpf, "packets")?;
        drop(loader);
        let mut walker = Walker { btf, ebpf, ring, ring_bytes, loaded: Vec::new() };
        walker.need(Way::Tcp)?;
        Ok(walker)
    }

    /// Whether its ring buffer is large enough for a socket of this many packets.
    pub(crate) fn suits(&self, packets: u32) -> bool {
        self.ring_bytes >= ring_for(packets)
    }

    /// Tells the programs how far to go. Returns how long a pass may take.
    pub(crate) fn start(&mut self, limits: &Limits) -> Result<Time, Error> {
        let packets = u64::from(limits.packets.min(MOST_PACKETS));
        let deadline = limits.time.map_or(0, |time| nanoseconds(since_boot().saturating_add(time)));
        let full = self.ring_bytes - ENDS;
        // What is begun finds room for all its packets, as far as the buffer can be that large.
        let room = full - (packets * PACKET_BYTES).min(self.ring_bytes / 2 + self.ring_bytes / 4);
        let map = self.ebpf.map_mut("limits").ok_or_else(|| Error::missing("limits"))?;
        let mut map: Array<&mut MapData, [u64; 4]> = map.try_into().map_err(|error| Error::map(&error))?;
        map.set(0, [packets, deadline, room, full], 0).map_err(|error| Error::map(&error))?;
        Ok(match limits.time {
            Some(time) => Time { deadline: Some(Instant::now() + time), patience: time + PATIENCE },
            None => Time::AMPLE,
        })
    }

    /// Sets which sockets are to be walked, each with its number.
    pub(crate) fn want(&mut self, sockets: impl Iterator<Item = (usize, Cookie)>) -> Result<(), Error> {
        let map = self.ebpf.map_mut("targets").ok_or_else(|| Error::missing("targets"))?;
        let mut map: HashMap<&mut MapData, u64, u32> = map.try_into().map_err(|error| Error::map(&error))?;
        let left: Vec<u64> = map.keys().filter_map(Result::ok).collect();
        for cookie in left {
            map.remove(&cookie).map_err(|error| Error::map(&error))?;
        }
        for (slot, cookie) in sockets.take(TARGETS) {
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            map.insert(cookie.0, slot, 0).map_err(|error| Error::map(&error))?;
        }
        Ok(())
    }

    /// Walks what this program meets of the sockets that are wanted, in this namespace.
    pub(crate) fn pass(
        &mut self,
        host: &Live,
        way: Way,
        place: Option<&Netns>,
        time: Time,
        on_record: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Ended> {
        match self.iterator(host, way, place)? {
            Some(iterator) => pass::run(iterator, &mut self.ring, time, on_record),
            None => Ok(Ended::Whole),
        }
    }

    /// An iterator over the sockets of a namespace; `None` when nothing leads there any more.
    fn iterator(&mut self, host: &Live, way: Way, place: Option<&Netns>) -> io::Result<Option<File>> {
        self.need(way)?;
        let link = pass::link(&mut self.ebpf, way.program().0)?;
        let Some(netns) = place else { return link.into_file().map(Some).map_err(defect) };
        // An iterator is over the namespace that it was made in.
        match host.within(netns, move || link.into_file().map_err(defect)) {
            Ok(iterator) => iterator.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Loads a program, if that has not been done.
    pub(crate) fn need(&mut self, way: Way) -> Result<(), Error> {
        if !self.loaded.contains(&way) {
            let (program, over) = way.program();
            pass::load(&mut self.ebpf, &self.btf, program, over)?;
            self.loaded.push(way);
        }
        Ok(())
    }
}

/// How large a ring buffer is that has room for all packets of a socket, in bytes.
fn ring_for(packets: u32) -> u64 {
    let wanted = u64::from(packets.min(MOST_PACKETS)).saturating_mul(PACKET_BYTES);
    wanted.saturating_add(ENDS).clamp(*RING.start(), *RING.end()).next_power_of_two()
}

/// The time of the clock that programs see.
fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
