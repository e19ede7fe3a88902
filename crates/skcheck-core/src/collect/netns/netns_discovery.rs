//! Ways into the network namespaces of a host: through processes, threads, descriptors and mounts.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::host::{Host, LARGEST_FILE};
use crate::model::holder::Holder;
use crate::model::netns::{Netns, NetnsFile, NetnsId};
use crate::procfs::link::netns_id;
use crate::procfs::mountinfo::{ip_netns_name, mounted_namespaces};

/// The network namespaces that were found so far, and the ways into each.
pub(crate) struct NetnsDiscovery<'h> {
    host: &'h dyn Host,
    order: Vec<NetnsId>,
    by_id: FxHashMap<NetnsId, Netns>,
    netns_of: FxHashMap<u32, NetnsId>,
    /// Mount namespaces that names are taken from.
    trusted: Vec<Vec<u8>>,
    /// Mount namespaces that have been met.
    seen: FxHashSet<Vec<u8>>,
    /// A process in each of them whose mounts are yet to be looked at, and whether names are taken from
    /// there.
    mount_namespaces: Vec<(u32, bool)>,
}

impl<'h> NetnsDiscovery<'h> {
    /// A namespace may have many ways in; a few are enough, should the first ones vanish.
    const MOST: usize = 4;

    pub(crate) fn new(host: &'h dyn Host) -> NetnsDiscovery<'h> {
        let link = |task: &str| host.read_link(Path::new(&format!("/proc/{task}/ns/mnt"))).ok();
        NetnsDiscovery {
            host,
            order: Vec::new(),
            by_id: FxHashMap::default(),
            netns_of: FxHashMap::default(),
            trusted: ["1", "self"].into_iter().filter_map(link).collect(),
            seen: FxHashSet::default(),
            mount_namespaces: Vec::new(),
        }
    }

    /// Notes the namespace of a process; `task` is the thread that stands for it.
    pub(crate) fn add_process(&mut self, pid: u32, task: u32, target: &[u8]) {
        if let Some(id) = netns_id(target) {
            self.netns_of.insert(pid, id);
            self.add(id, || format!("/proc/{task}/ns/net"));
        }
    }

    /// Notes the namespace of another thread: it may have left its process's.
    pub(crate) fn add_thread(&mut self, pid: u32, tid: u32, target: &[u8]) {
        if let Some(id) = netns_id(target) {
            self.add(id, || format!("/proc/{pid}/task/{tid}/ns/net"));
        }
    }

    /// Notes a process's mount namespace, if it is the first that is seen in it.
    pub(crate) fn add_mount_namespace(&mut self, pid: u32, target: &[u8]) {
        if self.seen.insert(target.to_vec()) {
            self.mount_namespaces.push((pid, self.trusted.iter().any(|trusted| trusted == target)));
        }
    }

    /// Notes a namespace that a descriptor refers to, if it does.
    pub(crate) fn add_descriptor(&mut self, task: u32, fd: u32, target: &[u8]) {
        if let Some(id) = netns_id(target) {
            self.add(id, || format!("/proc/{task}/fd/{fd}"));
        }
    }

    /// Notes a namespace that a descriptor refers to, whatever its kind.
    pub(crate) fn add_file_of(&mut self, holder: Holder) {
        let (task, fd) = (holder.task(), holder.fd);
        if let Ok(target) = self.host.read_link(Path::new(&format!("/proc/{task}/fd/{fd}"))) {
            self.add_descriptor(task, fd, &target);
        }
    }

    /// Notes a namespace that a socket is in, whether or not anything leads there.
    pub(crate) fn add_without_way(&mut self, id: NetnsId) {
        self.entry(id);
    }

    /// Every namespace in the order in which they were found, and that of each process.
    pub(crate) fn into_namespaces(mut self) -> (Vec<Netns>, FxHashMap<u32, NetnsId>) {
        (self.order.iter().filter_map(|id| self.by_id.remove(id)).collect(), self.netns_of)
    }

    fn add(&mut self, id: NetnsId, path: impl FnOnce() -> String) {
        self.add_file(id, || NetnsFile { root: None, path: path().into(), inode: id.0 });
    }

    fn add_file(&mut self, id: NetnsId, file: impl FnOnce() -> NetnsFile) {
        let netns = self.entry(id);
        if netns.files.len() < Self::MOST {
            netns.files.push(file());
        }
    }

    fn entry(&mut self, id: NetnsId) -> &mut Netns {
        self.by_id.entry(id).or_insert_with(|| {
            self.order.push(id);
            Netns { own: false, ..Netns::own(Some(id)) }
        })
    }

    fn name(&mut self, id: NetnsId, name: &[u8]) {
        if let Some(netns) = self.by_id.get_mut(&id) {
            netns.name.get_or_insert_with(|| name.to_vec());
        }
    }

    /// Looks at the mounts of each mount namespace: bind mounts keep namespaces alive. Names are taken from
    /// those of the first process and of the scanner alone: any user can make another, and mount there what
    /// he likes at /run/netns.
    pub(crate) fn add_mounts(&mut self) {
        let namespaces = std::mem::take(&mut self.mount_namespaces);
        let path = |(pid, _): &(u32, bool)| format!("/proc/{pid}/mountinfo").into();
        let paths: Vec<PathBuf> = namespaces.iter().map(path).collect();
        let host = self.host;
        host.read_each(&paths, LARGEST_FILE, &mut |at, file| {
            if let (Some((pid, gives_names)), Ok(file)) = (namespaces.get(at), file) {
                self.add_mounts_of(*pid, *gives_names, file);
            }
        });
    }

    fn add_mounts_of(&mut self, pid: u32, gives_names: bool, mountinfo: &[u8]) {
        for (id, mount_point) in mounted_namespaces(mountinfo) {
            let root = Some(format!("/proc/{pid}/root").into());
            let path = Path::new(OsStr::from_bytes(&mount_point)).to_owned();
            self.add_file(id, || NetnsFile { root, path, inode: id.0 });
            if let Some(name) = ip_netns_name(&mount_point).filter(|_| gives_names) {
                self.name(id, name);
            }
        }
    }
}

/// The network namespace that a task is in.
pub(crate) fn netns_of_task(host: &dyn Host, task: &str) -> Option<NetnsId> {
    netns_id(&host.read_link(Path::new(&format!("/proc/{task}/ns/net"))).ok()?)
}
