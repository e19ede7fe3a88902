//! Reads host facts and processes through the seam, for the parsers to interpret.

use crate::footprint::HostFacts;
use crate::host::Host;
use crate::host::file::read;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::units::{Bytes, Pages};
use crate::procfs::config::KernelConfig;
use crate::procfs::{kernel_stat, slabinfo, sockstat};

use crate::procfs::status::Status;

/// What the model needs to know of a host.
pub(crate) fn host_facts(host: &dyn Host, config: Option<&KernelConfig>, gaps: &mut Vec<Gap>) -> HostFacts {
    let mut facts = HostFacts::assumed(host.page_size());
    facts.release = release(host);
    match config {
        Some(config) => {
            facts.max_skb_frags = config.max_skb_frags.unwrap_or(facts.max_skb_frags);
            facts.max_skb_frags_known = true;
        }
        None => {
            let remedy = format!(
                "{}, the kernel's default, is assumed; make /proc/config.gz or /boot/config-RELEASE readable to know: \
                 a kernel may be built for up to 45",
                facts.max_skb_frags
            );
            let place = Place::part_of_file("/proc/config.gz", "fragments per packet");
            gaps.push(Gap::uncounted(Missing::HostFact, place, remedy));
        }
    }
    if let Some(slabinfo) = read(host, "/proc/slabinfo") {
        facts.active_skbs = active_skbs(host, &slabinfo);
        facts.mptcp_sockets = mptcp_sockets(&slabinfo);
    }
    facts
}

/// The kernel's configuration, where it can be read.
pub(crate) fn kernel_config(host: &dyn Host) -> Option<KernelConfig> {
    let release = release(host).unwrap_or_default();
    let boot = format!("/boot/config-{}", String::from_utf8_lossy(&release));
    ["/proc/config.gz", &boot].into_iter().find_map(|path| KernelConfig::parse(&read(host, path)?))
}

/// The kernel's release.
pub(crate) fn release(host: &dyn Host) -> Option<Vec<u8>> {
    read(host, "/proc/sys/kernel/osrelease").map(|file| file.trim_ascii().to_vec())
}

/// Whether this process has CAP_SYS_PTRACE already, so that asking for more privilege is no help.
pub(crate) fn may_look_at_others(host: &dyn Host) -> bool {
    const CAP_SYS_PTRACE: u32 = 19;
    read(host, "/proc/self/status")
        .and_then(|status| Status::parse(&status))
        .is_some_and(|status| status.effective_capabilities & 1 << CAP_SYS_PTRACE != 0)
}

/// Both slabs must be known, or the sum bounds nothing.
fn active_skbs(host: &dyn Host, slabinfo: &[u8]) -> Option<u64> {
    let objects = slabinfo::SKB_SLABS.map(|slab| {
        let merged =
            || slabinfo::active_objects_at_most(&read(host, &format!("/sys/kernel/slab/{slab}/objects"))?);
        slabinfo::active_objects(slabinfo, slab).or_else(merged)
    });
    objects.into_iter().try_fold(0u64, |sum, objects| Some(sum.saturating_add(objects?)))
}

/// These slabs are never merged with others (`SLAB_TYPESAFE_BY_RCU`), so where they are not listed the kernel
/// has no MPTCP, or no IPv6, or calls them something else.
fn mptcp_sockets(slabinfo: &[u8]) -> Option<u64> {
    let [four, six] = ["MPTCP", "MPTCPv6"].map(|slab| slabinfo::active_objects(slabinfo, slab));
    Some(four?.saturating_add(six.unwrap_or(0)))
}

pub(crate) fn tcp_memory(host: &dyn Host) -> Option<Bytes> {
    let Pages(pages) = sockstat::tcp_memory(&read(host, "/proc/net/sockstat")?)?;
    Some(Pages(pages).bytes(host.page_size()))
}

pub(crate) fn unlisted_noise(host: &dyn Host) -> Bytes {
    const RESERVE_PER_CPU: u64 = 1 << 20;
    Bytes(RESERVE_PER_CPU.saturating_mul(cpus(host)))
}

/// How many CPUs are online.
pub(crate) fn cpus(host: &dyn Host) -> u64 {
    read(host, "/proc/stat").and_then(|stat| kernel_stat::cpus(&stat)).unwrap_or(0)
}
