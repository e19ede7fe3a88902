//! Reads host facts and processes through the seam, for the parsers to interpret.

use std::io;
use std::path::{Path, PathBuf};

use crate::container::cgroup::Cgroup;
use crate::container::kubelet::{self, Names};
use crate::facts::{self, KernelConfig};
use crate::footprint::HostFacts;
use crate::gap::{Gap, Missing};
use crate::host::Host;
use crate::process::{self, Process};
use crate::units::{Bytes, Pages};

/// What the model needs to know of a host.
pub(crate) fn host_facts(host: &dyn Host, config: Option<&KernelConfig>, gaps: &mut Vec<Gap>) -> HostFacts {
    let mut facts = HostFacts::assumed(host.page_size());
    match config {
        Some(config) => {
            facts.max_skb_frags = config.max_skb_frags.unwrap_or(facts.max_skb_frags);
            facts.max_skb_frags_known = true;
        }
        None => gaps.push(Gap::uncounted(
            Missing::HostFact,
            format!("{} fragments per packet, the kernel's default", facts.max_skb_frags),
            "make /proc/config.gz or /boot/config-RELEASE readable to know; a kernel may be built for up to 45",
        )),
    }
    if let Some(slabinfo) = read(host, "/proc/slabinfo") {
        facts.active_skbs = active_skbs(host, &slabinfo);
        facts.mptcp_sockets = mptcp_sockets(&slabinfo);
    }
    facts
}

/// The kernel's configuration, where it can be read.
pub(crate) fn kernel_config(host: &dyn Host) -> Option<KernelConfig> {
    let release = read(host, "/proc/sys/kernel/osrelease").unwrap_or_default();
    let boot = format!("/boot/config-{}", String::from_utf8_lossy(&release).trim());
    ["/proc/config.gz", &boot].into_iter().find_map(|path| KernelConfig::parse(&read(host, path)?))
}

/// Whether this process has CAP_SYS_PTRACE already, so that asking for more privilege is no help.
pub(super) fn may_look_at_others(host: &dyn Host) -> bool {
    const CAP_SYS_PTRACE: u32 = 19;
    read(host, "/proc/self/status")
        .and_then(|status| process::effective_capabilities(&status))
        .is_some_and(|capabilities| capabilities & 1 << CAP_SYS_PTRACE != 0)
}

/// Both slabs must be known, or the sum bounds nothing.
fn active_skbs(host: &dyn Host, slabinfo: &[u8]) -> Option<u64> {
    let objects = facts::SKB_SLABS.map(|slab| {
        let merged =
            || facts::active_objects_at_most(&read(host, &format!("/sys/kernel/slab/{slab}/objects"))?);
        facts::active_objects(slabinfo, slab).or_else(merged)
    });
    objects.into_iter().try_fold(0u64, |sum, objects| Some(sum.saturating_add(objects?)))
}

/// These slabs are never merged with others (`SLAB_TYPESAFE_BY_RCU`), so where they are not listed the kernel
/// has no MPTCP, or no IPv6, or calls them something else.
fn mptcp_sockets(slabinfo: &[u8]) -> Option<u64> {
    let [four, six] = ["MPTCP", "MPTCPv6"].map(|slab| facts::active_objects(slabinfo, slab));
    Some(four?.saturating_add(six.unwrap_or(0)))
}

pub(super) fn tcp_memory(host: &dyn Host) -> Option<Bytes> {
    let Pages(pages) = facts::tcp_memory(&read(host, "/proc/net/sockstat")?)?;
    Some(Pages(pages).bytes(host.page_size()))
}

pub(super) fn unlisted_noise(host: &dyn Host) -> Bytes {
    const RESERVE_PER_CPU: u64 = 1 << 20;
    Bytes(RESERVE_PER_CPU.saturating_mul(cpus(host)))
}

/// How many CPUs are online.
pub(crate) fn cpus(host: &dyn Host) -> u64 {
    let stat = read(host, "/proc/stat").unwrap_or_default();
    let is_cpu = |line: &&[u8]| {
        line.strip_prefix(b"cpu").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    };
    stat.split(|&b| b == b'\n').filter(is_cpu).count() as u64
}

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
    let (mut late, mut nameless) = (0, 0);
    host.read_each(&paths, IDENTITY_LIMIT, &mut |at, file| {
        let (process, name) = (processes.get_mut(at / IDENTITY.len()), IDENTITY.get(at % IDENTITY.len()));
        let (Some(process), Some(name)) = (process, name) else { return };
        match file {
            Ok(file) => identify(process, name, file),
            // Who does not answer is named by the host.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(error) if *name == "cmdline" && is_unanswered(&error) => late += 1,
            Err(_) if *name == "comm" => nameless += 1,
            Err(_) => {}
        }
    });
    if late > 0 {
        let remedy = "the kernel did not give them: run again";
        gaps.push(Gap::counted(Missing::CommandLines, "/proc/PID/cmdline", late, remedy));
    }
    if nameless > 0 {
        let remedy = "they ended during the scan, or /proc hides them (hidepid): run again, or as root";
        gaps.push(Gap::counted(Missing::Identities, "/proc/PID/comm", nameless, remedy));
    }
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
        "comm" => process.comm = Some(process::comm(file)),
        "status" => (process.uid, process.ns_pid) = (process::uid(file), process::ns_pid(file)),
        "stat" => process.start_time = process::start_time(file),
        "cmdline" => process.cmdline = Some(process::cmdline(file)),
        _ => {
            if let Some(cgroup) = Cgroup::of_process(file) {
                process.cgroup = Some(cgroup.path);
                (process.unit, process.container) = (cgroup.unit, cgroup.container);
            }
        }
    }
}

/// What a process's cgroup tells; `None` when the process is gone.
pub(super) fn cgroup(host: &dyn Host, pid: u32) -> Option<Cgroup> {
    Cgroup::of_process(&read(host, &format!("/proc/{pid}/cgroup"))?)
}

/// What the kubelet's directories tell; nothing where there is no kubelet.
pub(super) fn kubelet_names(host: &dyn Host) -> Names {
    let mut names = Names::default();
    let _ = host.read_dir(Path::new(kubelet::POD_LOGS), &mut |entry| names.add_pod(entry));
    let _ = host.read_dir(Path::new(kubelet::CONTAINER_LOGS), &mut |entry| names.add_container(entry));
    names
}

/// Whether a file can be read.
pub(super) fn exists(host: &dyn Host, path: &str) -> bool {
    read(host, path).is_some()
}

pub(crate) fn read(host: &dyn Host, path: &str) -> Option<Vec<u8>> {
    let mut file = Vec::new();
    host.read(Path::new(path), &mut file).ok().map(|()| file)
}
