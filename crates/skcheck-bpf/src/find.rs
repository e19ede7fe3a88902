//! One pass over every descriptor of every process: `find.c`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use aya::{Ebpf, EbpfLoader};
use skcheck_core::engine::Tally;
use skcheck_core::testing::procfs::osrelease::is_release_at_least;
use skcheck_core::{Inode, NetnsId, Query};

use crate::btf::KernelBtf;
use crate::error::{Error, defect};
use crate::maps::{array, cleared, hash};
use crate::pass::{self, Ring, Time};

/// `find.c`, compiled.
pub(crate) const OBJECT: &[u8] = aya::include_bytes_aligned!("bpf/find.o");

/// The programs that look at descriptors, in the kernel. What they hand out are the bytes of records
/// ([`FindRecord`](crate::wire::FindRecord)).
pub(crate) struct Finder {
    btf: Arc<KernelBtf>,
    ebpf: Ebpf,
    ring: Ring,
    holders_loaded: bool,
}

/// How many inodes the map `wanted` has room for.
const WANTED: usize = 1 << 16;

/// `struct protocol_name`: filled up with NULs.
type ProtocolName = [u8; 32];

/// `struct tally`: sockets, TCP memory.
type TallyValue = [u64; 2];

/// `struct counts`: descriptors, sockets that were not counted, the last namespace and its sums.
type Counts = [u64; 5];

/// What a pass counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Descriptors that refer to sockets.
    pub(crate) descriptors: u64,
    /// Each network namespace that a socket is in.
    pub(crate) namespaces: Vec<Tally>,
    /// Sockets of protocols without a table, by the name of their protocol.
    pub(crate) apart: BTreeMap<Vec<u8>, u64>,
}

/// `struct question`: families, smallest Recv-Q and Send-Q, process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question(pub(crate) [u64; 4]);

impl Question {
    /// What the program can compare of a query: less than it asks for.
    pub(crate) fn of(query: &Query) -> Question {
        let Query { tcp, udp, unix, ipv4, ipv6, include_idle, raw, .. } = *query;
        let wanted = [tcp, udp, unix, ipv4, ipv6, include_idle, raw];
        let families =
            wanted.iter().enumerate().fold(0u64, |bits, (at, wanted)| bits | u64::from(*wanted) << at);
        let pid = match query.pids.as_slice() {
            [pid] => u64::from(*pid),
            _ => 0,
        };
        Question([families, query.min_recv_q.unwrap_or(0), query.min_send_q.unwrap_or(0), pid])
    }
}

impl Finder {
    pub(crate) fn load(loader: EbpfLoader<'_>, btf: Arc<KernelBtf>) -> Result<Finder, Error> {
        let mut loader: EbpfLoader<'_> = loader;
        let release = rustix::system::uname();
        let bound_is_listed = u32::from(is_release_at_least(release.release().to_bytes(), (6, 8)));
        let hz = pass::hz();
        let mut ebpf = loader
            .btf(Some(&btf.types))
            .override_global("bound_is_listed", &bound_is_listed, true)
            .override_global("hz", &hz, true)
            .load(OBJECT)
            .map_err(|error| Error::object(&error))?;
        pass::load(&mut ebpf, &btf, "find", "task_file")?;
        let ring = pass::take_ring(&mut ebpf, "found")?;
        drop(loader);
        Ok(Finder { btf, ebpf, ring, holders_loaded: false })
    }

    /// Looks at every descriptor, and hands out what matches.
    pub(crate) fn find(
        &mut self,
        question: Question,
        on_record: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Counted> {
        let ebpf = &mut self.ebpf;
        array::<[u64; 4]>(ebpf, "question")?.set(0, question.0, 0).map_err(|error| Error::map(&error))?;
        array::<Counts>(ebpf, "counts")?.set(0, Counts::default(), 0).map_err(|error| Error::map(&error))?;
        cleared::<u32, TallyValue>(ebpf, "tallies")?;
        cleared::<u64, u8>(ebpf, "met")?;
        cleared::<ProtocolName, u64>(ebpf, "apart")?;
        self.run("find", on_record)?;
        let counts =
            array::<Counts>(&mut self.ebpf, "counts")?.get(&0, 0).map_err(|error| Error::map(&error))?;
        let [descriptors, uncounted, last, sums @ ..] = counts;
        if uncounted > 0 {
            return Err(io::Error::other(
                "there are more shared sockets, or network namespaces, than can be counted",
            ));
        }
        Ok(Counted { descriptors, namespaces: self.tallies(last, sums)?, apart: self.apart()? })
    }

    /// Looks for the holders of these.
    pub(crate) fn holders(&mut self, inodes: &[Inode], on_record: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        if !self.holders_loaded {
            pass::load(&mut self.ebpf, &self.btf, "holders", "task_file")?;
            self.holders_loaded = true;
        }
        for inodes in inodes.chunks(WANTED) {
            let mut wanted = cleared::<u64, u8>(&mut self.ebpf, "wanted")?;
            for inode in inodes {
                wanted.insert(u64::from(inode.get()), 1, 0).map_err(|error| Error::map(&error))?;
            }
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
    fn tallies(&mut self, last: u64, sums: TallyValue) -> io::Result<Vec<Tally>> {
        let tallies = hash::<u32, TallyValue>(&mut self.ebpf, "tallies")?;
        let mut counted: BTreeMap<u64, TallyValue> = BTreeMap::from([(last, sums)]);
        for entry in &tallies {
            let (netns, [sockets, memory]) = entry.map_err(|error| Error::map(&error))?;
            let known = counted.entry(netns.into()).or_default();
            // Memory may be below 0 (`sk_forward_alloc`), and is added up as such.
            *known = [known[0].wrapping_add(sockets), known[1].wrapping_add(memory)];
        }
        let tally = |(netns, [sockets, tcp_memory]): (u64, TallyValue)| {
            let tcp_memory = tcp_memory.cast_signed();
            (sockets > 0).then_some(Tally { netns: NetnsId(netns), sockets, tcp_memory })
        };
        Ok(counted.into_iter().filter_map(tally).collect())
    }

    /// How many sockets have no table.
    fn apart(&mut self) -> io::Result<BTreeMap<Vec<u8>, u64>> {
        let mut apart = BTreeMap::new();
        for entry in &hash::<ProtocolName, u64>(&mut self.ebpf, "apart")? {
            let (name, sockets) = entry.map_err(|error| Error::map(&error))?;
            apart.insert(name.into_iter().take_while(|byte| *byte != 0).collect(), sockets);
        }
        Ok(apart)
    }
}
