//! The memory of a host: all that is told of it, read through the seam.

use std::io;
use std::time::SystemTime;

use crate::collect::host_facts::{host_facts, kernel_config};
use crate::host::Host;
use crate::host::file::read;
use crate::memory::census::reader::take;
use crate::memory::census::{Census, CensusProgress};
use crate::memory::ledger::Ledger;
use crate::memory::ledger::files::host_ledger;
use crate::memory::network::{self, Network, NetworkFiles};
use crate::memory::reserved::{self, Reserved};
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::units::Bytes;
use crate::procfs::config::KernelConfig;

/// The memory of a host.
///
/// Not a photograph: the kernel's counters are read one file after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// When it was read.
    pub taken_at: SystemTime,
    /// Who owns what.
    pub ledger: Ledger,
    /// Memory that the kernel never got to give away, outside of the ledger's total; `None` where
    /// /proc/iomem hides it (root only).
    pub reserved: Option<Reserved>,
    /// What the network stack's own counters say.
    pub network: Network,
    /// What every page is; `None` where it was not asked for or not allowed.
    pub census: Option<Census>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// Reads the memory of a host: its ledger, its network's books, and, when `census` is given, a census of
/// its pages (root only; it is told how far it has come).
///
/// # Errors
/// When /proc/meminfo cannot be read.
pub fn memory(host: &dyn Host, census: Option<&CensusProgress<'_>>) -> Result<Memory, Error> {
    let mut gaps = Vec::new();
    let taken_at = host.now();
    let config = kernel_config(host);
    let ledger = host_ledger(host, config.as_ref(), &mut gaps).ok_or_else(Error::no_meminfo)?;
    let census = census.and_then(|progress| {
        let taken = take(host, config.as_ref(), progress);
        taken.inspect_err(|error| gaps.push(no_census(error))).ok()
    });
    let ledger = match &census {
        None => ledger,
        Some(_) => later(host, config.as_ref(), ledger, &mut gaps),
    };
    let reserved = reserved(host, ledger.total, &mut gaps);
    let network = network(host, config.as_ref(), &mut gaps);
    Ok(Memory { taken_at, ledger, reserved, network, census, gaps })
}

/// The ledger once more after a census, which takes its time: what comes next shall be of the same moment.
fn later(host: &dyn Host, config: Option<&KernelConfig>, before: Ledger, gaps: &mut Vec<Gap>) -> Ledger {
    let Some(now) = host_ledger(host, config, &mut Vec::new()) else { return before };
    let moved = now.nobodys().0.abs_diff(before.nobodys().0);
    if moved > before.total.0 / 100 {
        let remedy =
            format!("run again: {moved} B came to nobody or went from there while pages were counted");
        gaps.push(Gap::uncounted(
            Missing::Consistency,
            Place::part_of_file("/proc/kpageflags", "beside /proc/meminfo"),
            remedy,
        ));
    }
    now
}

fn no_census(error: &io::Error) -> Gap {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => "run as root (CAP_SYS_ADMIN)".to_owned(),
        io::ErrorKind::NotFound => "it needs a kernel with CONFIG_PROC_PAGE_MONITOR".to_owned(),
        _ => format!("run as root (CAP_SYS_ADMIN), outside of containers: {error}"),
    };
    Gap::uncounted(Missing::Census, Place::file("/proc/kpageflags"), remedy)
}

/// What firmware and kernel kept; `None` where /proc/iomem hides it.
fn reserved(host: &dyn Host, mem_total: Bytes, gaps: &mut Vec<Gap>) -> Option<Reserved> {
    let reserved =
        read(host, "/proc/iomem").and_then(|file| reserved::reserved(&file, mem_total, host.page_size()));
    if reserved.is_none() {
        let remedy = "run as root (CAP_SYS_ADMIN): others see addresses of 0";
        gaps.push(Gap::uncounted(
            Missing::Memory,
            Place::part_of_file("/proc/iomem", "what firmware and kernel reserved"),
            remedy,
        ));
    }
    reserved
}

/// The network stack's books.
fn network(host: &dyn Host, config: Option<&KernelConfig>, gaps: &mut Vec<Gap>) -> Network {
    let facts = host_facts(host, config, gaps);
    if facts.active_skbs.is_none() {
        let remedy = "run as root: /proc/slabinfo, and /sys/kernel/slab where slabs are merged";
        gaps.push(Gap::uncounted(
            Missing::HostFact,
            Place::part_of_file("/proc/slabinfo", "packets in use"),
            remedy,
        ));
    }
    let mut file = |path: &str, remedy: &str| {
        let file = read(host, path);
        if file.is_none() {
            gaps.push(Gap::uncounted(Missing::HostFact, Place::file(path), remedy));
        }
        file
    };
    let mounted = "mount /proc of the host's network namespace";
    let first_netns = "run in the host's first network namespace: others do not have it";
    let (sockstat, protocols) = (file("/proc/net/sockstat", mounted), file("/proc/net/protocols", mounted));
    let tcp_mem = file("/proc/sys/net/ipv4/tcp_mem", first_netns);
    let udp_mem = file("/proc/sys/net/ipv4/udp_mem", first_netns);
    // Without IPv6 there is none.
    let sockstat6 = read(host, "/proc/net/sockstat6");
    let files = NetworkFiles {
        sockstat: sockstat.as_deref(),
        sockstat6: sockstat6.as_deref(),
        protocols: protocols.as_deref(),
        tcp_mem: tcp_mem.as_deref(),
        udp_mem: udp_mem.as_deref(),
    };
    network::network(&files, &facts)
}
