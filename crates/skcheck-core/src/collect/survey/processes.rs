//! Looks at every process once: what its descriptors refer to, and which namespaces it is in.

use std::io;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::finding::Finding;
use crate::collect::host_facts;
use crate::collect::netns::namespace::Namespace;
use crate::collect::netns::netns_discovery::{NetnsDiscovery, netns_of_task};
use crate::collect::scanned::Scanned;
use crate::collect::survey::descriptors::Descriptors;
use crate::host::{Host, Looking, Sight, file};
use crate::model::gap::{Gap, Missing};
use crate::model::holder::Holder;
use crate::model::netns::{Netns, NetnsChoice, NetnsFile, NetnsId};
use crate::model::place::{NetnsName, Place};
use crate::procfs::comm::comm;
use crate::procfs::link::socket_inode;
use crate::procfs::mountinfo::ip_netns_name;
use crate::procfs::number::parse_number;
use crate::procfs::status::Status;

/// What all processes told.
pub(crate) struct Survey {
    pub descriptors: Descriptors,
    /// Network namespaces that were found and not asked for.
    pub others: Vec<Netns>,
    /// The network namespace of each process (of its main thread).
    pub netns_of: FxHashMap<u32, NetnsId>,
    /// For a process whose main thread has ended: a thread that goes on with its descriptors.
    stand_ins: FxHashMap<u32, u32>,
    listed: Listed,
}

/// What became of the descriptors of processes whose /proc/PID/fd may not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Nobody looked at them.
    NotLookedAt,
    /// An engine did, as far as it is let; and there are sockets of which it saw none.
    LookedAt,
    /// An engine did, and descriptors that it saw hold every socket there is.
    HoldNothingElse,
}

impl Survey {
    /// How many descriptors and processes were looked at, and the gaps that leaves.
    pub(crate) fn scanned(&self, host: &dyn Host, unreadable: Unreadable, gaps: &mut Vec<Gap>) -> Scanned {
        let mut scanned = Scanned { descriptors: self.descriptors.len() as u64, ..Scanned::default() };
        let mut listed = self.listed.clone();
        let consequence = match unreadable {
            Unreadable::NotLookedAt => "sockets that only they hold show no holder",
            Unreadable::LookedAt => "some sockets have no descriptor that the engine saw, and may be theirs",
            Unreadable::HoldNothingElse => {
                listed.read += std::mem::take(&mut listed.unreadable).len() as u64;
                ""
            }
        };
        listed.without_kernel(host).sort_out(host, consequence, &mut scanned, gaps);
        scanned
    }

    /// Where /proc shows this descriptor.
    pub(crate) fn path_of(&self, holder: Holder) -> String {
        let stand_in = || self.stand_ins.get(&holder.pid).copied();
        let task = if holder.tid.is_some() { None } else { stand_in() }.unwrap_or(holder.task());
        format!("/proc/{task}/fd/{}", holder.fd)
    }
}

/// Looks at every process. With the namespaces to ask, the scanner's own first where it is among them.
pub(crate) fn survey(
    host: &dyn Host,
    choice: &NetnsChoice,
    finding: Option<&Finding>,
    gaps: &mut Vec<Gap>,
) -> (Survey, Vec<Namespace>) {
    let mut netns = NetnsDiscovery::new(host);
    let mut stand_ins = FxHashMap::default();
    let mut descriptors = Descriptors::default();
    let at = Looking { descriptors: finding.is_none(), namespaces: true };
    let listed = each_process(host, at, &mut |pid, sight| match sight {
        Sight::Descriptor { task, fd, target } => match socket_inode(target) {
            Some(inode) => descriptors.add(inode, Holder::new(pid, *fd)),
            None => netns.add_descriptor(*task, *fd, target),
        },
        Sight::Netns { task, target } => {
            if *task != pid {
                stand_ins.insert(pid, *task);
            }
            netns.add_process(pid, *task, target);
        }
        Sight::ThreadNetns { tid, target } => netns.add_thread(pid, *tid, target),
        Sight::MountNamespace(target) => netns.add_mount_namespace(pid, target),
        Sight::End(_) => {}
    });
    netns.add_mounts();
    if let Some(finding) = finding {
        add_finding(finding, &mut descriptors, &mut netns);
    }
    let (mut others, netns_of) = netns.into_namespaces();
    let asked = chosen(host, choice, &others, gaps);
    others.retain(|other| asked.iter().all(|netns| netns.id != other.id));
    descriptors.sort();
    let survey = Survey { descriptors, others, netns_of, stand_ins, listed };
    (survey, asked.into_iter().map(Namespace::new).collect())
}

/// Adds what an engine found in its pass over all descriptors.
fn add_finding(finding: &Finding, descriptors: &mut Descriptors, netns: &mut NetnsDiscovery<'_>) {
    finding.holders.iter().for_each(|(inode, holder)| descriptors.add(*inode, *holder));
    finding.pass.namespace_files.iter().for_each(|holder| netns.add_file_of(*holder));
    finding.pass.namespaces.iter().for_each(|tally| netns.add_without_way(tally.netns));
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
pub(crate) fn not_a_namespace(path: &Path, error: &io::Error) -> Gap {
    let remedy = format!("{error}: name a running process or a file of ip netns");
    let netns = NetnsName { path: Some(path.to_owned()), ..NetnsName::default() };
    Gap::counted(Missing::Namespaces, Place::namespace(netns), 1, remedy)
}

/// How reading all processes went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listed {
    read: u64,
    /// Processes whose descriptors may not be read.
    unreadable: Vec<u32>,
    /// Processes that did not answer. The host names them.
    silent: u64,
    /// There is a /proc, and its list did not come. The host says why.
    unlisted: bool,
    /// The first process of this pid namespace was among them, as it always is unless /proc hides
    /// processes.
    saw_first: bool,
}

impl Listed {
    /// Notes how reading the descriptors of a process went.
    pub(crate) fn note(&mut self, pid: u32, read: io::Result<()>) {
        self.saw_first |= pid == 1;
        match read {
            Ok(()) => self.read += 1,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => self.unreadable.push(pid),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => self.silent += 1,
            Err(_) => {} // it has ended
        }
    }

    /// Threads of the kernel have no descriptors: whoever may not look at them misses nothing.
    fn without_kernel(mut self, host: &dyn Host) -> Listed {
        const LIMIT: u64 = 64 * 1024;
        // The first process is none.
        let asked: Vec<u32> = self.unreadable.iter().copied().filter(|pid| *pid != 1).collect();
        let paths: Vec<PathBuf> = asked.iter().map(|pid| format!("/proc/{pid}/status").into()).collect();
        let mut of_kernel = FxHashSet::<u32>::default();
        host.read_each(&paths, LIMIT, &mut |at, file| {
            let status = file.ok().and_then(Status::parse);
            of_kernel.extend(asked.get(at).filter(|_| status.is_some_and(|status| status.is_of_kernel)));
        });
        self.unreadable.retain(|pid| !of_kernel.contains(pid));
        self
    }

    fn sort_out(&self, host: &dyn Host, consequence: &str, scanned: &mut Scanned, gaps: &mut Vec<Gap>) {
        let hidden = self.hidden(host);
        scanned.processes = self.read;
        scanned.unreadable = self.unreadable.len() as u64;
        scanned.all_processes =
            self.unreadable.is_empty() && self.silent == 0 && !self.unlisted && hidden.is_none();
        if !self.unreadable.is_empty() {
            let is_privileged = host_facts::may_look_at_others(host);
            let remedy = if is_privileged {
                "a security module or another user namespace keeps even this privilege out"
            } else {
                "run as root, or grant CAP_SYS_PTRACE (and CAP_DAC_READ_SEARCH)"
            };
            let remedy = format!("{remedy}; {consequence}");
            let name = |pid: u32| file::read(host, &format!("/proc/{pid}/comm")).map(|file| comm(&file));
            let place = Place::processes(&self.unreadable, name);
            let gap = Gap::counted(Missing::Processes, place, self.unreadable.len() as u64, remedy);
            let is_ordinary = self.unreadable == [1] && is_privileged;
            gaps.push(Gap { is_ordinary, ..gap });
        }
        if let Some((place, remedy)) = hidden {
            gaps.push(Gap::uncounted(Missing::Processes, place, remedy));
        }
    }

    /// Why there are processes that /proc does not even list, and what would show them.
    fn hidden(&self, host: &dyn Host) -> Option<(Place, &'static str)> {
        /// `PROC_PID_INIT_INO`: the number of the first pid namespace, the same on every host.
        const FIRST_NAMESPACE: &[u8] = b"pid:[4026531836]";
        if self.unlisted {
            return None;
        }
        if self.read + self.unreadable.len() as u64 + self.silent == 0 {
            let remedy = "it lists none: mount /proc; without it no socket shows its holder";
            return Some((Place::file("/proc"), remedy));
        }
        if !self.saw_first {
            let remedy = "it hides those of other users: run as root, or mount /proc without hidepid";
            return Some((Place::file("/proc"), remedy));
        }
        // That of the first process is the one that this /proc shows; it may not be looked at
        // without privilege, and then the scanner's own is the best guess.
        let link = |process: &str| host.read_link(Path::new(&format!("/proc/{process}/ns/pid"))).ok();
        let namespace = link("1").or_else(|| link("self"))?;
        (namespace != FIRST_NAMESPACE).then_some((
            Place::file("/proc"),
            "it shows none outside this pid namespace: run in the host's pid namespace (hostPID: true, or nsenter \
             --target 1 --pid --mount)",
        ))
    }
}

/// Hands on every descriptor of every process that /proc lists.
pub(crate) fn each_descriptor(host: &dyn Host, on_link: &mut dyn FnMut(Holder, &[u8])) {
    let at = Looking { descriptors: true, namespaces: false };
    each_process(host, at, &mut |pid, sight| {
        if let Sight::Descriptor { fd, target, .. } = sight {
            on_link(Holder::new(pid, *fd), target);
        }
    });
}

/// Looks at every process that /proc lists, and hands on what is seen of each.
pub(crate) fn each_process(
    host: &dyn Host,
    at: Looking,
    on_sight: &mut dyn FnMut(u32, &Sight<'_>),
) -> Listed {
    let mut listed = Listed::default();
    let pids = pids(host).unwrap_or_else(|error| {
        listed.unlisted = error.kind() != io::ErrorKind::NotFound;
        Vec::new()
    });
    host.look_at_each(&pids, at, &mut |pid, sight| {
        on_sight(pid, &sight);
        if let Sight::End(read) = sight {
            listed.note(pid, read);
        }
    });
    listed
}

/// Every process that /proc lists.
pub(crate) fn pids(host: &dyn Host) -> io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    host.read_dir(Path::new("/proc"), &mut |name| pids.extend(parse_number(name))).map(|()| pids)
}
