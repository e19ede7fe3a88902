//! Looks at every process once: what its descriptors refer to, and which namespaces it is in.

use std::cell::Cell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::gap::{Gap, Missing};
use crate::holders::{Descriptors, Holder, socket_inode};
use crate::host::{Host, NetnsFile, parse_number};
use crate::namespaces::{Netns, NetnsChoice, NetnsId, ip_netns_name, mounted, netns_id};
use crate::snapshot::{Scanned, read};

/// What all processes told.
pub(super) struct Survey {
    pub descriptors: Descriptors,
    /// The namespaces to dump, the scanner's own first where it is among them.
    pub namespaces: Vec<Netns>,
    /// Those that were found and not asked for.
    pub others: Vec<Netns>,
    /// The network namespace of each process (of its main thread).
    pub netns_of: FxHashMap<u32, NetnsId>,
    /// For a process whose main thread has ended: a thread that goes on with its descriptors.
    stand_ins: FxHashMap<u32, u32>,
}

impl Survey {
    /// Where /proc shows this descriptor.
    pub(super) fn path_of(&self, holder: Holder) -> String {
        let task = self.stand_ins.get(&holder.pid).unwrap_or(&holder.pid);
        format!("/proc/{task}/fd/{}", holder.fd)
    }
}

/// Ways into each namespace that was found.
#[derive(Default)]
struct Found {
    order: Vec<NetnsId>,
    by_id: FxHashMap<NetnsId, Netns>,
}

impl Found {
    /// A namespace may have many ways in; a few are enough, should the first ones vanish.
    const WAYS: usize = 4;

    fn add(&mut self, id: NetnsId, path: impl FnOnce() -> String) {
        self.add_file(id, || NetnsFile { root: None, path: path().into(), inode: id.0 });
    }

    fn add_file(&mut self, id: NetnsId, file: impl FnOnce() -> NetnsFile) {
        let netns = self.by_id.entry(id).or_insert_with(|| {
            self.order.push(id);
            Netns { own: false, ..Netns::own(Some(id)) }
        });
        if netns.files.len() < Self::WAYS {
            netns.files.push(file());
        }
    }

    fn name(&mut self, id: NetnsId, name: &[u8]) {
        if let Some(netns) = self.by_id.get_mut(&id) {
            netns.name.get_or_insert_with(|| name.to_vec());
        }
    }

    fn into_namespaces(mut self) -> Vec<Netns> {
        self.order.iter().filter_map(|id| self.by_id.remove(id)).collect()
    }
}

pub(super) fn run(
    host: &dyn Host,
    choice: &NetnsChoice,
    scanned: &mut Scanned,
    gaps: &mut Vec<Gap>,
) -> Survey {
    let mut found = Found::default();
    let mut netns_of = FxHashMap::default();
    let mut stand_ins = FxHashMap::default();
    let own = netns_of_task(host, "self");
    let mut entries = Vec::new();
    let mut mount_namespaces = FxHashSet::default();
    let link = |task: &str| host.read_link(Path::new(&format!("/proc/{task}/ns/mnt"))).ok();
    let trusted: Vec<Vec<u8>> = ["1", "self"].into_iter().filter_map(link).collect();
    let mut listed = each_process(host, &mut |pid| {
        let count = Cell::new(0u64);
        let mut note = |task: u32, fd: u32, target: &[u8]| {
            count.set(count.get() + 1);
            if let Some(inode) = socket_inode(target) {
                entries.push((inode, Holder { pid, fd }));
            } else if let Some(id) = netns_id(target) {
                found.add(id, || format!("/proc/{task}/fd/{fd}"));
            }
        };
        let mut links = host.fd_links(pid, &mut |fd, target| note(pid, fd, target));
        let threads = threads(host, pid);
        let mut task = pid;
        // A main thread that has ended shows no descriptors, and the others go on with them.
        if count.get() == 0
            && let Some(thread) = threads.first()
        {
            links = host.fd_links(*thread, &mut |fd, target| note(*thread, fd, target));
            stand_ins.insert(pid, *thread);
            task = *thread;
        }
        if let Some(id) = netns_of_task(host, &task.to_string()) {
            netns_of.insert(pid, id);
            found.add(id, || format!("/proc/{task}/ns/net"));
        }
        add_threads(host, pid, &threads, &mut found);
        add_mounts(host, pid, &trusted, &mut mount_namespaces, &mut found);
        links
    });
    listed.sort_out(host, scanned, gaps);
    let descriptors = Descriptors::new(entries);
    scanned.descriptors = descriptors.len() as u64;
    let mut others = found.into_namespaces();
    let namespaces = chosen(host, choice, own, &others, gaps);
    others.retain(|other| namespaces.iter().all(|netns| netns.id != other.id));
    Survey { descriptors, namespaces, others, netns_of, stand_ins }
}

fn chosen(
    host: &dyn Host,
    choice: &NetnsChoice,
    own: Option<NetnsId>,
    found: &[Netns],
    gaps: &mut Vec<Gap>,
) -> Vec<Netns> {
    let name = found.iter().find(|netns| netns.id == own).and_then(|netns| netns.name.clone());
    let own_netns = Netns { name, ..Netns::own(own) };
    let path = match choice {
        NetnsChoice::All => {
            let others = found.iter().filter(|netns| netns.id != own).cloned();
            return std::iter::once(own_netns).chain(others).collect();
        }
        NetnsChoice::Current => return vec![own_netns],
        NetnsChoice::OfProcess(pid) => format!("/proc/{pid}/ns/net").into(),
        NetnsChoice::OfFile(path) => path.clone(),
    };
    match host.inode(&path) {
        Ok(inode) if own == Some(NetnsId(inode)) => vec![own_netns],
        Ok(inode) => {
            let mut netns = Netns { own: false, ..Netns::own(Some(NetnsId(inode))) };
            netns.name = ip_netns_name(path.as_os_str().as_encoded_bytes()).map(<[u8]>::to_vec);
            netns.files.push(NetnsFile { root: None, path, inode });
            vec![netns]
        }
        Err(error) => {
            gaps.push(not_a_namespace(&path, &error));
            Vec::new()
        }
    }
}

/// What was asked for is no network namespace.
pub(super) fn not_a_namespace(path: &Path, error: &std::io::Error) -> Gap {
    let remedy = format!("{}: {error}: name a running process or a file of ip netns", path.display());
    Gap::counted(Missing::Namespaces, "the one asked for", 1, remedy)
}

fn netns_of_task(host: &dyn Host, task: &str) -> Option<NetnsId> {
    netns_id(&host.read_link(Path::new(&format!("/proc/{task}/ns/net"))).ok()?)
}

/// The threads of a process besides its main one.
fn threads(host: &dyn Host, pid: u32) -> Vec<u32> {
    let mut threads = Vec::new();
    let tasks = format!("/proc/{pid}/task");
    let _ = host.read_dir(Path::new(&tasks), &mut |name| threads.extend(parse_number(name)));
    threads.retain(|tid| *tid != pid);
    threads
}

/// A thread may have left its process's namespace.
fn add_threads(host: &dyn Host, pid: u32, threads: &[u32], found: &mut Found) {
    for tid in threads {
        let task = format!("{pid}/task/{tid}");
        if let Some(id) = netns_of_task(host, &task) {
            found.add(id, || format!("/proc/{task}/ns/net"));
        }
    }
}

/// Bind mounts keep namespaces alive; each mount namespace has mounts of its own. Names are taken
/// from those of the first process and of the scanner alone: any user can make another, and mount
/// there what he likes at /run/netns.
fn add_mounts(
    host: &dyn Host,
    pid: u32,
    trusted: &[Vec<u8>],
    seen: &mut FxHashSet<Vec<u8>>,
    found: &mut Found,
) {
    let Ok(namespace) = host.read_link(Path::new(&format!("/proc/{pid}/ns/mnt"))) else { return };
    let gives_names = trusted.contains(&namespace);
    if !seen.insert(namespace) {
        return;
    }
    let mut file = Vec::new();
    if host.read(Path::new(&format!("/proc/{pid}/mountinfo")), &mut file).is_err() {
        return;
    }
    for (id, mount_point) in mounted(&file) {
        let root = Some(format!("/proc/{pid}/root").into());
        let path = Path::new(OsStr::from_bytes(&mount_point)).to_owned();
        found.add_file(id, || NetnsFile { root, path, inode: id.0 });
        if let Some(name) = ip_netns_name(&mount_point).filter(|_| gives_names) {
            found.name(id, name);
        }
    }
}

/// How reading all processes went.
#[derive(Debug, Default)]
pub(super) struct Listed {
    read: u64,
    /// Processes whose descriptors may not be read.
    unreadable: u64,
    /// The first process of this pid namespace was among them, as it always is unless /proc hides
    /// processes.
    saw_first: bool,
}

impl Listed {
    fn sort_out(&mut self, host: &dyn Host, scanned: &mut Scanned, gaps: &mut Vec<Gap>) {
        let hidden = self.hidden(host);
        scanned.processes = self.read;
        scanned.unreadable = self.unreadable;
        scanned.all_processes = self.unreadable == 0 && hidden.is_none();
        if self.unreadable > 0 {
            let remedy = if read::may_look_at_others(host) {
                "a security module or another user namespace keeps even this privilege out; \
                 sockets that only they hold show no holder"
            } else {
                "run as root, or grant CAP_SYS_PTRACE (and CAP_DAC_READ_SEARCH); \
                 sockets that only they hold show no holder"
            };
            gaps.push(Gap::counted(Missing::Processes, "/proc/PID/fd", self.unreadable, remedy));
        }
        if let Some((place, remedy)) = hidden {
            gaps.push(Gap::uncounted(Missing::Processes, place, remedy));
        }
    }

    /// Why there are processes that /proc does not even list, and what would show them.
    fn hidden(&self, host: &dyn Host) -> Option<(&'static str, &'static str)> {
        /// `PROC_PID_INIT_INO`: the number of the first pid namespace, the same on every host.
        const FIRST_NAMESPACE: &[u8] = b"pid:[4026531836]";
        if self.read + self.unreadable == 0 {
            return Some(("/proc lists none", "mount /proc; without it no socket shows its holder"));
        }
        if !self.saw_first {
            return Some(("/proc hides those of other users", "run as root, or mount /proc without hidepid"));
        }
        // That of the first process is the one that this /proc shows; it may not be looked at
        // without privilege, and then the scanner's own is the best guess.
        let link = |process: &str| host.read_link(Path::new(&format!("/proc/{process}/ns/pid"))).ok();
        let namespace = link("1").or_else(|| link("self"))?;
        (namespace != FIRST_NAMESPACE).then_some((
            "outside this pid namespace",
            "run in the host's pid namespace (hostPID: true, or nsenter --target 1 --pid --mount)",
        ))
    }
}

/// Hands on every descriptor of every process that /proc lists.
pub(super) fn each_descriptor(host: &dyn Host, on_link: &mut dyn FnMut(Holder, &[u8])) {
    each_process(host, &mut |pid| host.fd_links(pid, &mut |fd, target| on_link(Holder { pid, fd }, target)));
}

/// Looks at every process that /proc lists; `look` says how reading its descriptors went.
fn each_process(host: &dyn Host, look: &mut dyn FnMut(u32) -> std::io::Result<()>) -> Listed {
    let mut listed = Listed::default();
    let mut pids = Vec::new();
    // A /proc that cannot be listed is one that lists nobody.
    let _ = host.read_dir(Path::new("/proc"), &mut |name| pids.extend(parse_number(name)));
    for pid in pids {
        listed.saw_first |= pid == 1;
        match look(pid) {
            Ok(()) => listed.read += 1,
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => listed.unreadable += 1,
            Err(_) => {} // it has ended
        }
    }
    listed
}
