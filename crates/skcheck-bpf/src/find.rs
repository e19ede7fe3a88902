//! One pass over every descriptor of every process: `find.c`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use aya::maps::{Array, HashMap, MapData};
use aya::{Ebpf, EbpfLoader};
use skcheck_core::engine::{Found, Pass, Tally};
use skcheck_core::facts::is_release_at_least;
use skcheck_core::{Holder, Inode, NetnsId, Query};

use crate::btf::KernelBtf;
use crate::error::{Error, defect};
use crate::pass::{self, Ring, Time};
use crate::wire::FindRecord;

/// `find.c`, compiled.
pub(crate) const OBJECT: &[u8] = aya::include_bytes_aligned!("bpf/find.o");

/// The programs that look at descriptors, in the kernel.
pub(crate) struct Finder {
    btf: Arc<KernelBtf>,
    ebpf: Ebpf,
    ring: Ring,
    holders_loaded: bool,
    /// TCP sockets that are only bound are in this kernel's tables.
    bound_is_listed: bool,
}

/// How many inodes the map `wanted` has room for.
const WANTED: usize = 1 << 16;

/// `struct tally`: sockets, TCP memory.
type TallyValue = [u64; 2];

/// `struct counts`: descriptors, sockets that were not counted, the last namespace and its sums.
type Counts = [u64; 5];

impl Finder {
    pub(crate) fn load(loader: EbpfLoader<'_>, btf: Arc<KernelBtf>) -> Result<Finder, Error> {
        let mut loader: EbpfLoader<'_> = loader;
        let mut ebpf = loader.btf(Some(&btf.types)).load(OBJECT).map_err(|error| Error::object(&error))?;
        pass::load(&mut ebpf, &btf, "find", "task_file")?;
        let ring = pass::take_ring(&mut ebpf, "found")?;
        let release = rustix::system::uname();
        let bound_is_listed = is_release_at_least(release.release().to_bytes(), (6, 8));
        drop(loader);
        Ok(Finder { btf, ebpf, ring, holders_loaded: false, bound_is_listed })
    }

    pub(crate) fn find(&mut self, query: &Query, on_found: &mut dyn FnMut(Found)) -> io::Result<Pass> {
        self.ask(query)?;
        let mut pass = Pass::default();
        let mut misunderstood = 0u64;
        self.run("find", &mut |record| match record {
            Some(FindRecord::Socket(found)) => on_found(*found),
            Some(FindRecord::NamespaceFile(holder)) => pass.namespace_files.push(holder),
            Some(FindRecord::Holder(..)) | None => misunderstood += 1,
        })?;
        if misunderstood > 0 {
            return Err(defect(format_args!("{misunderstood} records were not understood")));
        }
        let counts = self.array::<Counts>("counts")?.get(&0, 0).map_err(|error| Error::map(&error))?;
        let [descriptors, uncounted, last, sums @ ..] = counts;
        if uncounted > 0 {
            return Err(io::Error::other(
                "there are more shared sockets, or network namespaces, than can be counted",
            ));
        }
        pass.descriptors = descriptors;
        pass.namespaces = self.tallies(last, sums)?;
        Ok(pass)
    }

    pub(crate) fn holders(
        &mut self,
        inodes: &[Inode],
        on_holder: &mut dyn FnMut(Inode, Holder),
    ) -> io::Result<()> {
        if !self.holders_loaded {
            pass::load(&mut self.ebpf, &self.btf, "holders", "task_file")?;
            self.holders_loaded = true;
        }
        for inodes in inodes.chunks(WANTED) {
            self.clear::<u64, u8>("wanted")?;
            let mut wanted = self.hash::<u64, u8>("wanted")?;
            for inode in inodes {
                wanted.insert(u64::from(inode.get()), 1, 0).map_err(|error| Error::map(&error))?;
            }
            self.run("holders", &mut |record| {
                if let Some(FindRecord::Holder(inode, holder)) = record {
                    on_holder(inode, holder);
                }
            })?;
        }
        Ok(())
    }

    fn run(&mut self, program: &str, on_record: &mut dyn FnMut(Option<FindRecord>)) -> io::Result<()> {
        let bound_is_listed = self.bound_is_listed;
        let iterator = pass::link(&mut self.ebpf, program)?.into_file().map_err(defect)?;
        pass::run(iterator, &mut self.ring, Time::AMPLE, &mut |record| {
            on_record(FindRecord::decode(record, bound_is_listed));
        })?;
        Ok(())
    }

    /// Puts what is asked for where the program looks, and sets what it counts back to nought.
    fn ask(&mut self, query: &Query) -> io::Result<()> {
        let wanted = [query.tcp, query.udp, query.unix, query.ipv4, query.ipv6, query.include_idle];
        let families =
            wanted.iter().enumerate().fold(0u64, |bits, (at, wanted)| bits | u64::from(*wanted) << at);
        let pid = match query.pids.as_slice() {
            [pid] => u64::from(*pid),
            _ => 0,
        };
        let question = [families, query.min_recv_q.unwrap_or(0), query.min_send_q.unwrap_or(0), pid];
        self.array::<[u64; 4]>("question")?.set(0, question, 0).map_err(|error| Error::map(&error))?;
        self.array::<Counts>("counts")?.set(0, Counts::default(), 0).map_err(|error| Error::map(&error))?;
        self.clear::<u32, TallyValue>("tallies")?;
        self.clear::<u64, u8>("met")
    }

    /// What was counted of each namespace, with what is not in the tally of the last one yet.
    fn tallies(&mut self, last: u64, sums: TallyValue) -> io::Result<Vec<Tally>> {
        let tallies = self.hash::<u32, TallyValue>("tallies")?;
        let mut counted: BTreeMap<u64, TallyValue> = BTreeMap::from([(last, sums)]);
        for entry in &tallies {
            let (netns, [sockets, memory]) = entry.map_err(|error| Error::map(&error))?;
            let known = counted.entry(netns.into()).or_default();
            *known = [known[0] + sockets, known[1] + memory];
        }
        let tally = |(netns, [sockets, tcp_memory]): (u64, TallyValue)| {
            (sockets > 0).then_some(Tally { netns: NetnsId(netns), sockets, tcp_memory })
        };
        Ok(counted.into_iter().filter_map(tally).collect())
    }

    fn clear<K: aya::Pod, V: aya::Pod>(&mut self, name: &str) -> io::Result<()> {
        let mut map = self.hash::<K, V>(name)?;
        let keys: Vec<K> = map.keys().collect::<Result<_, _>>().map_err(|error| Error::map(&error))?;
        for key in keys {
            map.remove(&key).map_err(|error| Error::map(&error))?;
        }
        Ok(())
    }

    fn array<V: aya::Pod>(&mut self, name: &str) -> Result<Array<&mut MapData, V>, Error> {
        let map = self.ebpf.map_mut(name).ok_or_else(|| Error::missing(name))?;
        map.try_into().map_err(|error| Error::map(&error))
    }

    fn hash<K: aya::Pod, V: aya::Pod>(&mut self, name: &str) -> Result<HashMap<&mut MapData, K, V>, Error> {
        let map = self.ebpf.map_mut(name).ok_or_else(|| Error::missing(name))?;
        map.try_into().map_err(|error| Error::map(&error))
    }
}
