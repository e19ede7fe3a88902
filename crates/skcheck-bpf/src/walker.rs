//! The programs that walk queues, in the kernel: `walk.c`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aya::{Ebpf, EbpfLoader};
use skcheck_core::engine::Limits;
use skcheck_core::{Live, Netns, SocketName};

use crate::btf::KernelBtf;
use crate::error::{Error, Kind, defect};
use crate::maps;
use crate::objects;
use crate::pass::{self, Ended, RingBuffer, Time};
use crate::wire::{LimitsValue, TablesValue, TargetValue, target_key};

/// What one packet takes in the ring buffer, if it has all the fragments that it can have (17, if the kernel
/// is built as most are).
const PACKET_BYTES: u64 = 512;

/// What is kept free in the ring buffer for the ends of queues and of a socket: one that is begun must end,
/// else it would be taken for one that has vanished.
const ENDS: u64 = 1 << 16;

/// The smallest and the largest ring buffer, in bytes, and what it is where there is no memory for that. A
/// host that is out of memory is asked for little.
const RING: std::ops::RangeInclusive<u64> = 1 << 22..=1 << 26;
const SMALLEST_RING: u64 = 1 << 18;

/// A loop of a program takes at most 2^23 steps (`BPF_MAX_LOOPS`), and a tree three for each packet.
const MOST_PACKETS: u32 = 2_700_000;

/// Where time is limited, how much longer than that a program may take over a million sockets.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many sockets the map `targets` has room for.
pub(crate) const TARGETS: usize = 1 << 16;

/// Which program meets a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WalkProgram {
    /// Through a descriptor, or as one who waits to be accepted by a socket that has one.
    Files,
    /// Through a table of the kernel: no descriptor refers to it that can be seen.
    Tables,
    /// Through the table of its namespace, each TCP socket there locked for a moment.
    Locked,
}

impl WalkProgram {
    /// The program and what it iterates over.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            WalkProgram::Files => ("walk_files", "task_file"),
            WalkProgram::Tables => ("walk_tables", "bpf_map"),
            WalkProgram::Locked => ("walk_locked", "tcp"),
        }
    }
}

/// What an iterator is over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Over<'p> {
    /// All processes, tables or sockets that this process sees.
    All,
    /// The descriptors of one process.
    Process(u32),
    /// The sockets of a namespace.
    Namespace(&'p Live, &'p Netns),
}

/// The programs that walk queues. Each is loaded when it is first needed. What they hand out are the bytes of
/// records ([`WalkRecord`](crate::wire::WalkRecord)).
pub(crate) struct Walker {
    btf: Arc<KernelBtf>,
    ebpf: Ebpf,
    /// Mapped when the first pass begins: each of its pages counts twice among the memory of this process.
    ring: Option<RingBuffer>,
    ring_bytes: u64,
    /// For how many packets of a socket it was made.
    packets: u32,
    /// What was tried to load, and what came of it.
    loaded: BTreeMap<WalkProgram, Result<(), Error>>,
    /// No iterator over one process has been refused.
    by_process: bool,
}

impl Walker {
    /// Makes the maps, the ring buffer large enough for a socket of this many packets where there is memory
    /// for that, and loads the program that is needed most.
    pub(crate) fn load<'b>(
        loader: &mut EbpfLoader<'b>,
        btf: &'b Arc<KernelBtf>,
        packets: u32,
    ) -> Result<Walker, Error> {
        let object = objects::WALK.for_loops(btf.has_loops);
        loader.btf(Some(&btf.types));
        let mut ring_bytes = ring_for(packets);
        let ebpf = loop {
            loader.map_max_entries("packets", u32::try_from(ring_bytes).unwrap_or(u32::MAX));
            match loader.load(object).map_err(|error| Error::object(&error)) {
                Err(error) if error.kind() == Kind::Memory && ring_bytes > SMALLEST_RING => {
                    ring_bytes = (ring_bytes / 4).max(SMALLEST_RING);
                }
                made => break made?,
            }
        };
        let loaded = BTreeMap::new();
        let btf = Arc::clone(btf);
        let mut walker = Walker { btf, ebpf, ring: None, ring_bytes, packets, loaded, by_process: true };
        walker.need(WalkProgram::Files).or_else(|_| walker.need(WalkProgram::Tables))?;
        Ok(walker)
    }

    /// Whether it was made for sockets of this many packets.
    pub(crate) fn suits(&self, packets: u32) -> bool {
        self.packets >= packets || ring_for(self.packets) >= ring_for(packets)
    }

    /// Tells the programs how far to go, and whether sockets are named by their inodes. Returns how long a pass may
    /// take.
    pub(crate) fn start(&mut self, limits: &Limits, by_inode: bool) -> Result<Time, Error> {
        let packets = u64::from(limits.packets.min(MOST_PACKETS));
        let deadline = limits.time.map_or(0, |time| nanoseconds(since_boot().saturating_add(time)));
        let full = self.ring_bytes - ENDS;
        // What is begun finds room for all its packets, as far as the buffer can be that large.
        let room = full - (packets * PACKET_BYTES).min(full / 2 + full / 4);
        let limits_value = LimitsValue { packets, deadline, room, full, by_inode: by_inode.into() };
        maps::set_value(&mut self.ebpf, "limits", limits_value)?;
        Ok(match limits.time {
            Some(time) => Time {
                deadline: Instant::now().checked_add(time),
                patience: time.saturating_add(PATIENCE),
                locks: limits.lock,
            },
            None => Time { locks: limits.lock, ..Time::AMPLE },
        })
    }

    /// Sets which sockets are to be walked, each with its number: at most [`TARGETS`].
    pub(crate) fn want(&mut self, sockets: impl Iterator<Item = (usize, SocketName)>) -> Result<(), Error> {
        let slot = |slot| u32::try_from(slot).unwrap_or(u32::MAX);
        let target = |(number, name): (usize, SocketName)| {
            (target_key(name), TargetValue { slot: slot(number), attempts: 0 })
        };
        maps::fill(&mut self.ebpf, "targets", sockets.map(target))
    }

    /// Sets which tables are gone along (bits of [`table`](crate::wire::table)), from the beginning.
    pub(crate) fn want_tables(&mut self, wanted: u64) -> Result<(), Error> {
        maps::clear::<u64, u8>(&mut self.ebpf, "gone_along")?;
        let tables: TablesValue = maps::value(&mut self.ebpf, "tables")?;
        maps::set_value(&mut self.ebpf, "tables", tables.begin(wanted))
    }

    /// Whether the kernel may have iterators over one process: one that refused one has none.
    pub(crate) fn goes_by_process(&self) -> bool {
        self.by_process
    }

    /// Walks what this program meets there of the sockets that are wanted.
    pub(crate) fn pass(
        &mut self,
        way: WalkProgram,
        over: Over<'_>,
        time: Time,
        on_record: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Ended> {
        let Some(iterator) = self.iterator(way, over)? else { return Ok(Ended::Whole) };
        pass::run(iterator, self.ring()?, time, on_record)
    }

    fn ring(&mut self) -> Result<&mut RingBuffer, Error> {
        if self.ring.is_none() {
            self.ring = Some(pass::take_ring(&mut self.ebpf, "packets")?);
        }
        self.ring.as_mut().ok_or_else(|| Error::missing("packets"))
    }

    /// An iterator; `None` where there can be none, or nothing leads there any more.
    fn iterator(&mut self, way: WalkProgram, over: Over<'_>) -> io::Result<Option<File>> {
        self.need(way)?;
        let program = way.program().0;
        if let Over::Process(pid) = over {
            // Whatever it was: what is open then is looked for everywhere.
            let iterator = pass::of_process(&mut self.ebpf, program, pid).ok();
            self.by_process = iterator.is_some();
            return Ok(iterator);
        }
        let link = pass::link(&mut self.ebpf, program)?;
        let Over::Namespace(host, netns) = over else { return link.into_file().map(Some).map_err(defect) };
        // An iterator is over the namespace that it was made in.
        match host.within(netns, move || link.into_file().map_err(defect)) {
            Ok(iterator) => iterator.map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Loads a program, if that has not been tried.
    pub(crate) fn need(&mut self, way: WalkProgram) -> Result<(), Error> {
        let Walker { btf, ebpf, loaded, .. } = self;
        let (program, over) = way.program();
        loaded
            .entry(way)
            .or_insert_with(|| {
                // The iterator locks since 5.15, and the program for kernels before 5.17 is not made for it.
                if way == WalkProgram::Locked && !btf.has_loops {
                    return Err(Error::new(Kind::TooOld, "no TCP socket can be locked here"));
                }
                pass::load(ebpf, btf, program, over)
            })
            .clone()
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

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use skcheck_core::Cookie;
    use skcheck_core::host::Release;

    use super::*;
    use crate::objects::WALK;
    use crate::wire::ended_slot;

    /// Since 6.1 a pass can be over one process; a kernel before that refuses it, and is not asked again.
    #[test]
    fn one_process_alone_is_looked_into() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: needs root");
            return;
        }
        let btf = Arc::new(KernelBtf::read(&[WALK]).expect("this kernel has BTF"));
        let mut walker = Walker::load(&mut crate::loader::new(), &btf, 10).expect("root may");
        let release = rustix::system::uname();
        let can = Release::of(release.release().to_bytes()) >= Some(Release::new(6, 1));
        let own = UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
        let cookie = rustix::net::sockopt::socket_cookie(&own).expect("it is a socket");
        let time = walker.start(&Limits::new(10, None), false).expect("root may");
        let mut is_met = |over: Over<'_>| {
            walker.want(std::iter::once((7, SocketName::Cookie(Cookie(cookie))))).expect("one is not many");
            let mut met = false;
            let on_record = &mut |record: &[u8]| met |= ended_slot(record) == Some(7);
            assert_eq!(
                walker.pass(WalkProgram::Files, over, time, on_record).expect("root may"),
                Ended::Whole
            );
            (met, walker.goes_by_process())
        };
        assert_eq!(is_met(Over::All), (true, true));
        assert_eq!(is_met(Over::Process(1)), (false, can));
        assert_eq!(is_met(Over::Process(u32::MAX >> 1)), (false, can));
        assert_eq!(is_met(Over::Process(std::process::id())), (can, can));
    }
}
