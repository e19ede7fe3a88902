//! One pass over every descriptor of every process: `find.c`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use aya::{Ebpf, EbpfLoader};
use skcheck_core::engine::Tally;
use skcheck_core::{Inode, NetnsId, Protocols, Query};
use zerocopy::FromZeros;

use crate::btf::KernelBtf;
use crate::error::{Error, defect};
use crate::maps;
use crate::objects;
use crate::pass::{self, RingBuffer, Time};
use crate::wire::{CountsValue, FilterValue, ProtocolName, TallyValue, want};

/// The programs that look at descriptors, in the kernel. What they hand out are the bytes of records
/// ([`FindRecord`](crate::wire::FindRecord)).
pub(crate) struct Finder {
    btf: Arc<KernelBtf>,
    ebpf: Ebpf,
    ring: RingBuffer,
    holders_loaded: bool,
    /// How many passes there were.
    passes: u64,
    /// How many entries the map `met` has, at most: those of earlier passes stay in it.
    met: u64,
}

/// How many entries the maps `met` and `tallies` have room for.
const MET: u64 = 1 << 18;
const TALLIES: usize = 1 << 16;

/// How many inodes the map `wanted` has room for.
const WANTED: usize = 1 << 16;

/// What a pass counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PassCounts {
    /// Descriptors that refer to sockets.
    pub(crate) descriptors: u64,
    /// Each network namespace that a socket is in.
    pub(crate) namespaces: Vec<Tally>,
    /// Sockets of protocols without a table, by the name of their protocol.
    pub(crate) apart: BTreeMap<Vec<u8>, u64>,
}

impl FilterValue {
    /// What the program can compare of a query: less than it asks for.
    pub(crate) fn of(query: &Query) -> FilterValue {
        let wants = |protocols: Protocols| !(query.protocols & protocols).is_empty();
        let wanted = [
            (wants(Protocols::TCP), want::WANT_TCP),
            (wants(Protocols::UDP), want::WANT_UDP),
            (wants(Protocols::UNIX), want::WANT_UNIX),
            (query.ipv4, want::WANT_INET),
            (query.ipv6, want::WANT_INET6),
            (query.include_idle, want::WANT_IDLE),
            (wants(Protocols::RAW), want::WANT_PING),
        ];
        FilterValue {
            families: wanted.iter().filter(|(is_wanted, _)| *is_wanted).fold(0, |bits, (_, bit)| bits | bit),
            min_recvq: query.min_recv_q.unwrap_or(0),
            min_sendq: query.min_send_q.unwrap_or(0),
            pid: match query.pids.as_slice() {
                [pid] => u64::from(*pid),
                _ => 0,
            },
        }
    }
}

impl Finder {
    /// Makes the maps, and loads the program that every pass runs. The globals are set.
    pub(crate) fn load<'b>(loader: &mut EbpfLoader<'b>, btf: &'b Arc<KernelBtf>) -> Result<Finder, Error> {
        let object = objects::FIND.for_loops(btf.has_loops);
        let loaded = loader.btf(Some(&btf.types)).load(object);
        let mut ebpf = loaded.map_err(|error| Error::object(&error))?;
        pass::load(&mut ebpf, btf, "find", "task_file")?;
        let ring = pass::take_ring(&mut ebpf, "found")?;
        Ok(Finder { btf: Arc::clone(btf), ebpf, ring, holders_loaded: false, passes: 0, met: 0 })
    }

    /// Looks at every descriptor, and hands out what matches.
    pub(crate) fn find(
        &mut self,
        filter: FilterValue,
        on_record: &mut dyn FnMut(&[u8]),
    ) -> io::Result<PassCounts> {
        self.passes += 1;
        let ebpf = &mut self.ebpf;
        maps::set_value(ebpf, "question", filter)?;
        maps::set_value(ebpf, "counts", CountsValue { pass: self.passes, ..CountsValue::new_zeroed() })?;
        maps::clear::<ProtocolName, u64>(ebpf, "apart")?;
        // Emptying takes calls for each entry, so it waits until those of earlier passes take half of the room.
        if self.met > MET / 2 {
            maps::clear::<u64, u64>(ebpf, "met")?;
            self.met = 0;
        }
        // What a pass has added is known when it has come to its end.
        let met_before = std::mem::replace(&mut self.met, MET);
        self.run("find", on_record)?;
        let counts: CountsValue = maps::value(&mut self.ebpf, "counts")?;
        if counts.uncounted > 0 {
            // Without what earlier passes left there is the most room that there can be.
            maps::clear::<u32, TallyValue>(&mut self.ebpf, "tallies")?;
            return Err(io::Error::other(
                "there are more shared sockets, or network namespaces, than can be counted",
            ));
        }
        self.met = met_before + counts.new_shared;
        let CountsValue { descriptors, netns, sum, .. } = counts;
        Ok(PassCounts { descriptors, namespaces: self.tallies(netns, sum)?, apart: self.apart()? })
    }

    /// Looks for the holders of these.
    pub(crate) fn holders(&mut self, inodes: &[Inode], on_record: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        if !self.holders_loaded {
            pass::load(&mut self.ebpf, &self.btf, "holders", "task_file")?;
            self.holders_loaded = true;
        }
        for inodes in inodes.chunks(WANTED) {
            let wanted = inodes.iter().map(|inode| (u64::from(inode.get()), 1u8));
            maps::fill(&mut self.ebpf, "wanted", wanted)?;
            self.run("holders", on_record)?;
        }
        Ok(())
    }

    fn run(&mut self, program: &str, on_record: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let iterator = pass::link(&mut self.ebpf, program)?.into_file().map_err(defect)?;
        pass::run(iterator, &mut self.ring, Time::AMPLE, on_record)?;
        Ok(())
    }

    /// What was counted of each namespace, with what is not in the tally of the last one yet.
    fn tallies(&mut self, last: u64, sum: TallyValue) -> io::Result<Vec<Tally>> {
        let mut counted = BTreeMap::from([(last, sum)]);
        let entries = maps::entries::<u32, TallyValue>(&mut self.ebpf, "tallies")?;
        if entries.len() > TALLIES / 2 {
            maps::clear::<u32, TallyValue>(&mut self.ebpf, "tallies")?;
        }
        for (netns, tally) in entries.into_iter().filter(|(_, tally)| tally.pass == self.passes) {
            let known = counted.entry(netns.into()).or_insert_with(TallyValue::new_zeroed);
            known.sockets = known.sockets.wrapping_add(tally.sockets);
            // Memory may be below 0 (`sk_forward_alloc`), and is added up as such.
            known.tcp_memory = known.tcp_memory.wrapping_add(tally.tcp_memory);
        }
        let tally = |(netns, TallyValue { sockets, tcp_memory, .. })| {
            (sockets > 0).then_some(Tally::new(NetnsId(netns), sockets, tcp_memory))
        };
        Ok(counted.into_iter().filter_map(tally).collect())
    }

    /// How many sockets have no table.
    fn apart(&mut self) -> io::Result<BTreeMap<Vec<u8>, u64>> {
        let apart = maps::entries::<ProtocolName, u64>(&mut self.ebpf, "apart")?;
        Ok(apart.into_iter().map(|(name, sockets)| (name.bytes().to_vec(), sockets)).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::net::UdpSocket;
    use std::os::unix::fs::MetadataExt;

    use nix::sched::{CloneFlags, unshare};

    use super::*;

    /// A socket with two descriptors, in a network namespace without any other, and the namespace.
    fn shared() -> ([UdpSocket; 2], NetnsId) {
        let there = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            let netns = NetnsId(std::fs::metadata("/proc/thread-self/ns/net").unwrap().ino());
            ([socket.try_clone().unwrap(), socket], netns)
        });
        there.join().unwrap()
    }

    /// What an earlier pass has met and counted stays in the maps, and is nothing to the next one.
    #[test]
    fn each_pass_counts_anew() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: needs root");
            return;
        }
        let btf = Arc::new(KernelBtf::read(&[objects::FIND]).unwrap());
        let mut finder = Finder::load(&mut crate::loader::new(), &btf).unwrap();
        let (_sockets, netns) = shared();
        for pass in 0..5 {
            if pass == 3 {
                // Half full: they are emptied.
                finder.met = MET;
            }
            let counts = finder.find(FilterValue::of(&Query::default()), &mut |_| {}).unwrap();
            let counted = counts.namespaces.iter().find(|tally| tally.netns == netns);
            assert_eq!(counted.map(|tally| tally.sockets), Some(1), "pass {pass}");
            let met = maps::entries::<u64, u64>(&mut finder.ebpf, "met").unwrap();
            assert_eq!(met.len() as u64, finder.met, "pass {pass}");
            assert!(met.iter().any(|(_, last)| *last == finder.passes), "pass {pass}");
        }
    }
}
