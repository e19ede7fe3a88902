//! Looks at every process once: what its descriptors refer to, and which namespaces it is in.

use std::cell::Cell;
use std::io;
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::gap::{Gap, Missing};
use crate::holders::{Descriptors, Holder, socket_inode};
use crate::host::{Host, NetnsFile, parse_number};
use crate::namespaces::{Netns, NetnsChoice, NetnsId, ip_netns_name};
use crate::snapshot::by_engine::Finding;
use crate::snapshot::ways::{Ways, netns_of_task};
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
    listed: Listed,
}

/// What became of the descriptors of processes whose /proc/PID/fd may not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Nobody looked at them.
    NotLookedAt,
    /// An engine did, as far as it is let; and there are sockets of which it saw none.
    LookedAt,
    /// An engine did, and descriptors that it saw hold every socket there is.
    HoldNothingElse,
}

impl Survey {
    /// How many descriptors and processes were looked at, and the gaps that leaves.
    pub(super) fn scanned(&self, host: &dyn Host, unreadable: Unreadable, gaps: &mut Vec<Gap>) -> Scanned {
        let mut scanned = Scanned { descriptors: self.descriptors.len() as u64, ..Scanned::default() };
        let mut listed = self.listed;
        let consequence = match unreadable {
            Unreadable::NotLookedAt => "sockets that only they hold show no holder",
            Unreadable::LookedAt => "some sockets have no descriptor that the engine saw, and may be theirs",
            Unreadable::HoldNothingElse => {
                listed.read += std::mem::take(&mut listed.unreadable);
                ""
            }
        };
        listed.sort_out(host, consequence, &mut scanned, gaps);
        scanned
    }

    /// Where /proc shows this descriptor.
    pub(super) fn path_of(&self, holder: Holder) -> String {
        let task = self.stand_ins.get(&holder.pid).unwrap_or(&holder.pid);
        format!("/proc/{task}/fd/{}", holder.fd)
    }
}

pub(super) fn run(
    host: &dyn Host,
    choice: &NetnsChoice,
    finding: Option<&Finding>,
    gaps: &mut Vec<Gap>,
) -> Survey {
    let mut ways = Ways::new(host);
    let mut stand_ins = FxHashMap::default();
    let mut entries = Vec::new();
    let listed = each_process(host, &mut |pid| {
        let threads = threads(host, pid);
        if finding.is_some() {
            ways.look_at(pid, pid, &threads);
            return may_be_read(host, pid);
        }
        let count = Cell::new(0u64);
        let mut note = |task: u32, fd: u32, target: &[u8]| {
            count.set(count.get() + 1);
            match socket_inode(target) {
                Some(inode) => entries.push((inode, Holder { pid, fd })),
                None => ways.add_descriptor(task, fd, target),
            }
        };
        let mut links = host.fd_links(pid, &mut |fd, target| note(pid, fd, target));
        let mut task = pid;
        // A main thread that has ended shows no descriptors, and the others go on with them.
        if count.get() == 0
            && let Some(thread) = threads.first()
        {
            links = host.fd_links(*thread, &mut |fd, target| note(*thread, fd, target));
            stand_ins.insert(pid, *thread);
            task = *thread;
        }
        ways.look_at(pid, task, &threads);
        links
    });
    if let Some(Finding { pass, found }) = finding {
        entries.extend(found.iter().filter_map(|(it, _)| Some((it.socket.inode?, it.holder?))));
        pass.namespace_files.iter().for_each(|holder| ways.add_file_of(*holder));
        pass.namespaces.iter().for_each(|tally| ways.add_without_way(tally.netns));
    }
    let (mut others, netns_of) = ways.into_namespaces();
    let namespaces = chosen(host, choice, &others, gaps);
    others.retain(|other| namespaces.iter().all(|netns| netns.id != other.id));
    Survey { descriptors: Descriptors::new(entries), namespaces, others, netns_of, stand_ins, listed }
}

/// Whether a process's descriptors may be read, without reading them all.
fn may_be_read(host: &dyn Host, pid: u32) -> io::Result<()> {
    match host.read_link(Path::new(&format!("/proc/{pid}/fd/0"))) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

fn chosen(host: &dyn Host, choice: &NetnsChoice, found: &[Netns], gaps: &mut Vec<Gap>) -> Vec<Netns> {
    let own = netns_of_task(host, "self");
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
pub(super) fn not_a_namespace(path: &Path, error: &io::Error) -> Gap {
    let remedy = format!("{}: {error}: name a running process or a file of ip netns", path.display());
    Gap::counted(Missing::Namespaces, "the one asked for", 1, remedy)
}

/// The threads of a process besides its main one.
fn threads(host: &dyn Host, pid: u32) -> Vec<u32> {
    let mut threads = Vec::new();
    let tasks = format!("/proc/{pid}/task");
    let _ = host.read_dir(Path::new(&tasks), &mut |name| threads.extend(parse_number(name)));
    threads.retain(|tid| *tid != pid);
    threads
}

/// How reading all processes went.
#[derive(Debug, Clone, Copy, Default)]
struct Listed {
    read: u64,
    /// Processes whose descriptors may not be read.
    unreadable: u64,
    /// The first process of this pid namespace was among them, as it always is unless /proc hides
    /// processes.
    saw_first: bool,
}

impl Listed {
    fn sort_out(&self, host: &dyn Host, consequence: &str, scanned: &mut Scanned, gaps: &mut Vec<Gap>) {
        let hidden = self.hidden(host);
        scanned.processes = self.read;
        scanned.unreadable = self.unreadable;
        scanned.all_processes = self.unreadable == 0 && hidden.is_none();
        if self.unreadable > 0 {
            let remedy = if read::may_look_at_others(host) {
                "a security module or another user namespace keeps even this privilege out"
            } else {
                "run as root, or grant CAP_SYS_PTRACE (and CAP_DAC_READ_SEARCH)"
            };
            let remedy = format!("{remedy}; {consequence}");
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
fn each_process(host: &dyn Host, look: &mut dyn FnMut(u32) -> io::Result<()>) -> Listed {
    let mut listed = Listed::default();
    let mut pids = Vec::new();
    // A /proc that cannot be listed is one that lists nobody.
    let _ = host.read_dir(Path::new("/proc"), &mut |name| pids.extend(parse_number(name)));
    for pid in pids {
        listed.saw_first |= pid == 1;
        match look(pid) {
            Ok(()) => listed.read += 1,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => listed.unreadable += 1,
            Err(_) => {} // it has ended
        }
    }
    listed
}
