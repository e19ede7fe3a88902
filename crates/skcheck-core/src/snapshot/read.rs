//! Reads host facts and processes through the seam, for the parsers to interpret.

use std::path::Path;
use std::time::Duration;

use crate::container::cgroup::Cgroup;
use crate::container::kubelet::{self, Names};
use crate::facts::{self, KernelConfig};
use crate::footprint::HostFacts;
use crate::gap::{Gap, Missing};
use crate::host::Host;
use crate::process::{self, Process};
use crate::units::{Bytes, Pages};

/// How long one command line may take; it is read in microseconds unless the process is stuck.
const CMDLINE_PATIENCE: Duration = Duration::from_millis(100);

/// How many command lines may fail to come before none is asked for any more: each leaves a
/// sleeping thread behind.
const CMDLINES_LATE: u64 = 5;

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

/// The processes with these ids, by pid. One that has vanished keeps its pid and nothing else.
pub(crate) fn processes(
    host: &dyn Host,
    pids: impl Iterator<Item = u32>,
    gaps: &mut Vec<Gap>,
) -> Vec<Process> {
    let mut late = 0;
    let mut nameless = 0;
    let mut unasked = 0;
    let mut processes = Vec::new();
    for pid in pids {
        let mut found = identity(host, pid);
        nameless += u64::from(found.comm.is_none());
        if late >= CMDLINES_LATE {
            unasked += 1;
        } else {
            match host.read_within(Path::new(&format!("/proc/{pid}/cmdline")), CMDLINE_PATIENCE) {
                Ok(file) => found.cmdline = Some(process::cmdline(&file)),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => late += 1,
                Err(_) => {}
            }
        }
        processes.push(found);
    }
    if late + unasked > 0 {
        let remedy =
            "their memory is locked, often by a stuck page fault: cat /proc/PID/wchan and /proc/PID/stack";
        gaps.push(Gap::counted(Missing::CommandLines, "/proc/PID/cmdline", late + unasked, remedy));
    }
    if nameless > 0 {
        let remedy = "they ended during the scan, or /proc hides them (hidepid): run again, or as root";
        gaps.push(Gap::counted(Missing::Identities, "/proc/PID/comm", nameless, remedy));
    }
    processes
}

fn identity(host: &dyn Host, pid: u32) -> Process {
    let file = |name: &str| read(host, &format!("/proc/{pid}/{name}"));
    let status = file("status");
    let cgroup = cgroup(host, pid);
    let path = cgroup.as_ref().map(|cgroup| cgroup.path.clone());
    let (unit, container) = cgroup.map(|cgroup| (cgroup.unit, cgroup.container)).unwrap_or_default();
    Process {
        pid,
        start_time: file("stat").and_then(|stat| process::start_time(&stat)),
        comm: file("comm").map(|comm| process::comm(&comm)),
        uid: status.as_deref().and_then(process::uid),
        cmdline: None,
        cgroup: path,
        unit,
        container,
        ns_pid: status.as_deref().and_then(process::ns_pid),
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
