//! Ways into the network namespaces of a host: through processes, threads, descriptors and mounts.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::holders::Holder;
use crate::host::{Host, NetnsFile};
use crate::namespaces::{Netns, NetnsId, ip_netns_name, mounted, netns_id};

/// Ways into each namespace that was found.
pub(super) struct Ways<'h> {
    host: &'h dyn Host,
    order: Vec<NetnsId>,
    by_id: FxHashMap<NetnsId, Netns>,
    netns_of: FxHashMap<u32, NetnsId>,
    /// Mount namespaces that names are taken from.
    trusted: Vec<Vec<u8>>,
    /// Mount namespaces that have been looked at.
    seen: FxHashSet<Vec<u8>>,
}

impl<'h> Ways<'h> {
    /// A namespace may have many ways in; a few are enough, should the first ones vanish.
    const MOST: usize = 4;

    pub(super) fn new(host: &'h dyn Host) -> Ways<'h> {
        let link = |task: &str| host.read_link(Path::new(&format!("/proc/{task}/ns/mnt"))).ok();
        Ways {
            host,
            order: Vec::new(),
            by_id: FxHashMap::default(),
            netns_of: FxHashMap::default(),
            trusted: ["1", "self"].into_iter().filter_map(link).collect(),
            seen: FxHashSet::default(),
        }
    }

    /// Notes the namespaces of a process, of its threads, and of its mounts; `task` is the thread that
    /// stands for it.
    pub(super) fn look_at(&mut self, pid: u32, task: u32, threads: &[u32]) {
        if let Some(id) = netns_of_task(self.host, &task.to_string()) {
            self.netns_of.insert(pid, id);
            self.add(id, || format!("/proc/{task}/ns/net"));
        }
        // A thread may have left its process's namespace.
        for tid in threads {
            let task = format!("{pid}/task/{tid}");
            if let Some(id) = netns_of_task(self.host, &task) {
                self.add(id, || format!("/proc/{task}/ns/net"));
            }
        }
        self.add_mounts(pid);
    }

    /// Notes a namespace that a descriptor refers to, if it does.
    pub(super) fn add_descriptor(&mut self, task: u32, fd: u32, target: &[u8]) {
        if let Some(id) = netns_id(target) {
            self.add(id, || format!("/proc/{task}/fd/{fd}"));
        }
    }

    /// Notes a namespace that a descriptor refers to, whatever its kind.
    pub(super) fn add_file_of(&mut self, holder: Holder) {
        let (task, fd) = (holder.task(), holder.fd);
        if let Ok(target) = self.host.read_link(Path::new(&format!("/proc/{task}/fd/{fd}"))) {
            self.add_descriptor(task, fd, &target);
        }
    }

    /// Notes a namespace that a socket is in, whether or not anything leads there.
    pub(super) fn add_without_way(&mut self, id: NetnsId) {
        self.entry(id);
    }

    /// Every namespace in the order in which they were found, and that of each process.
    pub(super) fn into_namespaces(mut self) -> (Vec<Netns>, FxHashMap<u32, NetnsId>) {
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

    /// Bind mounts keep namespaces alive; each mount namespace has mounts of its own. Names are taken
    /// from those of the first process and of the scanner alone: any user can make another, and mount
    /// there what he likes at /run/netns.
    fn add_mounts(&mut self, pid: u32) {
        let Ok(namespace) = self.host.read_link(Path::new(&format!("/proc/{pid}/ns/mnt"))) else { return };
        let gives_names = self.trusted.contains(&namespace);
        if !self.seen.insert(namespace) {
            return;
        }
        let mut file = Vec::new();
        if self.host.read(Path::new(&format!("/proc/{pid}/mountinfo")), &mut file).is_err() {
            return;
        }
        for (id, mount_point) in mounted(&file) {
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
pub(super) fn netns_of_task(host: &dyn Host, task: &str) -> Option<NetnsId> {
    netns_id(&host.read_link(Path::new(&format!("/proc/{task}/ns/net"))).ok()?)
}
