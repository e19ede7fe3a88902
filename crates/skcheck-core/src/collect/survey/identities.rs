//! Who processes are: their names, users, start times, cgroups and containers.

use std::io;
use std::path::{Path, PathBuf};

use crate::container::identity::Cgroup;
use crate::container::kubelet::{self, KubeletNames};
use crate::host::Host;
use crate::host::file::read;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::process::Process;
use crate::procfs::cmdline::cmdline;
use crate::procfs::comm::comm;
use crate::procfs::stat::Stat;
use crate::procfs::status::Status;

/// The files that tell who a process is. The command line comes last: it alone waits for the process's
/// memory.
const IDENTITY: [&str; 5] = ["comm", "status", "cgroup", "stat", "cmdline"];

/// So much is read of each. A command line is as long as its process says.
const IDENTITY_LIMIT: u64 = 64 * 1024;

/// The processes with these ids, by pid. One that has vanished keeps its pid and nothing else.
pub(crate) fn processes(
    host: &dyn Host,
    pids: impl Iterator<Item = u32>,
    gaps: &mut Vec<Gap>,
) -> Vec<Process> {
    let mut processes: Vec<Process> = pids.map(|pid| Process { pid, ..Process::default() }).collect();
    let file = |process: &Process, name| PathBuf::from(format!("/proc/{}/{name}", process.pid));
    let paths: Vec<PathBuf> =
        processes.iter().flat_map(|process| IDENTITY.map(|name| file(process, name))).collect();
    let (mut late, mut nameless) = (Vec::new(), Vec::new());
    host.read_each(&paths, IDENTITY_LIMIT, &mut |at, file| {
        let (process, name) = (processes.get_mut(at / IDENTITY.len()), IDENTITY.get(at % IDENTITY.len()));
        let (Some(process), Some(name)) = (process, name) else { return };
        match file {
            Ok(file) => identify(process, name, file),
            // Who does not answer is named by the host.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(error) if *name == "cmdline" && is_unanswered(&error) => late.push(process.pid),
            Err(_) if *name == "comm" => nameless.push(process.pid),
            Err(_) => {}
        }
    });
    let mut lacks = |what, pids: &[u32], remedy: &str| {
        let comm = |pid: u32| {
            let at = processes.binary_search_by_key(&pid, |process| process.pid).ok()?;
            processes.get(at)?.comm.clone()
        };
        if !pids.is_empty() {
            gaps.push(Gap::counted(what, Place::processes(pids, comm), pids.len() as u64, remedy));
        }
    };
    lacks(Missing::CommandLines, &late, "the kernel did not give them: run again");
    let hidden = "they ended during the scan, or /proc hides them (hidepid): run again, or as root";
    lacks(Missing::Identities, &nameless, hidden);
    processes
}

/// Whether an answer did not come, rather than that there is none.
fn is_unanswered(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
        && error.raw_os_error() != Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// Fills in what a file tells of who a process is.
fn identify(process: &mut Process, name: &str, file: &[u8]) {
    match name {
        "comm" => process.comm = Some(comm(file)),
        "status" => {
            let status = Status::parse(file);
            process.uid = status.map(|status| status.uid);
            process.ns_pid = status.and_then(|status| status.ns_pid);
        }
        "stat" => process.start_time = Stat::parse(file).map(|stat| stat.start_time),
        "cmdline" => process.cmdline = Some(cmdline(file)),
        _ => {
            if let Some(cgroup) = Cgroup::of_process(file) {
                process.cgroup = Some(cgroup.path);
                (process.unit, process.container) = (cgroup.unit, cgroup.container);
            }
        }
    }
}

/// What a process's cgroup tells; `None` when the process is gone.
pub(crate) fn cgroup(host: &dyn Host, pid: u32) -> Option<Cgroup> {
    Cgroup::of_process(&read(host, &format!("/proc/{pid}/cgroup"))?)
}

/// What the kubelet's directories tell; nothing where there is no kubelet.
pub(crate) fn kubelet_names(host: &dyn Host) -> KubeletNames {
    let mut names = KubeletNames::default();
    let _ = host.read_dir(Path::new(kubelet::POD_LOGS), &mut |entry| names.add_pod(entry));
    let _ = host.read_dir(Path::new(kubelet::CONTAINER_LOGS), &mut |entry| names.add_container(entry));
    names
}

/// What a process is called; `None` where that cannot be read.
pub(crate) fn name_of(host: &dyn Host, pid: u32) -> Option<Vec<u8>> {
    read(host, &format!("/proc/{pid}/comm")).map(|file| comm(&file))
}
