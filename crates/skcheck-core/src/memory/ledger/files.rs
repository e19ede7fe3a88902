//! Reads what the ledger of a host is made of, through the seam.

use std::path::Path;

use crate::host::Host;
use crate::host::file::read;
use crate::memory::ledger::Ledger;
use crate::memory::ledger::host::{HostCounters, ledger};
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::units::{Bytes, Pages};
use crate::procfs::config::KernelConfig;
use crate::procfs::flat::number;
use crate::procfs::hugepages::size_kib;
use crate::procfs::meminfo::Meminfo;
use crate::procfs::vmstat::Vmstat;
use crate::procfs::zoneinfo::Zones;
use crate::procfs::{virtio_features, vmallocinfo};

/// The ledger of a host; `None` without /proc/meminfo.
pub(crate) fn host_ledger(
    host: &dyn Host,
    config: Option<&KernelConfig>,
    gaps: &mut Vec<Gap>,
) -> Option<Ledger> {
    let meminfo = read(host, "/proc/meminfo")?;
    let meminfo = Meminfo::parse(&meminfo);
    let zones = match read(host, "/proc/zoneinfo") {
        Some(file) => Zones::parse(&file),
        None => {
            let remedy = "make it readable: until then what the CPUs keep counts as unaccounted";
            gaps.push(Gap::uncounted(
                Missing::Memory,
                Place::part_of_file("/proc/zoneinfo", "free pages of the CPUs"),
                remedy,
            ));
            Zones::default()
        }
    };
    let vmstat = Vmstat::parse(&read(host, "/proc/vmstat").unwrap_or_default());
    ledger(&HostCounters {
        meminfo: &meminfo,
        zones: &zones,
        page_size: host.page_size(),
        // The default on x86-64, arm64 and s390 since Linux 4.14.
        stacks_in_vmalloc: config.is_none_or(|config| config.vmap_stack),
        vmalloc: vmalloc(host, &meminfo, gaps),
        hugetlb: meminfo.bytes("Hugetlb").is_none().then(|| hugetlb(host)).flatten(),
        page_records: vmstat.get("nr_memmap_pages").map(Pages),
        partly_unmapped: partly_unmapped(host),
        balloon: balloon(host, &meminfo, &vmstat),
    })
}

/// The pages of vmalloc, where /proc/meminfo does not tell.
fn vmalloc(host: &dyn Host, meminfo: &Meminfo<'_>, gaps: &mut Vec<Gap>) -> Option<Pages> {
    if meminfo.bytes("VmallocUsed").is_some_and(|bytes| bytes.0 > 0) {
        return None;
    }
    let file = read(host, "/proc/vmallocinfo");
    if file.is_none() {
        let remedy =
            "run as root: this kernel tells vmalloc's size nowhere else, and it counts as unaccounted";
        let place = Place::part_of_file("/proc/vmallocinfo", "vmalloc");
        gaps.push(Gap::uncounted(Missing::Memory, place, remedy));
    }
    file.map(|file| vmallocinfo::pages(&file))
}

/// The pools of huge pages of every size (/sys/kernel/mm/hugepages).
fn hugetlb(host: &dyn Host) -> Option<Bytes> {
    const POOLS: &str = "/sys/kernel/mm/hugepages";
    let mut sizes = Vec::new();
    host.read_dir(Path::new(POOLS), &mut |name| sizes.push(size_kib(name))).ok()?;
    let mut sum = 0u64;
    for size in sizes {
        sum = sum.saturating_add(huge_pages(host, POOLS, size?, "nr_hugepages")?);
    }
    Some(Bytes(sum))
}

/// Huge pages of programs of which they have unmapped a part, of every size.
fn partly_unmapped(host: &dyn Host) -> Option<Bytes> {
    const SIZES: &str = "/sys/kernel/mm/transparent_hugepage";
    let mut sizes = Vec::new();
    host.read_dir(Path::new(SIZES), &mut |name| sizes.extend(size_kib(name))).ok()?;
    let of_size = |kib| huge_pages(host, SIZES, kib, "stats/nr_anon_partially_mapped");
    // Not every size is one of anonymous pages.
    sizes.into_iter().filter_map(of_size).reduce(u64::saturating_add).map(Bytes)
}

/// So many huge pages of a size as a file of theirs says, in bytes.
fn huge_pages(host: &dyn Host, directory: &str, kib: u64, file: &str) -> Option<u64> {
    let pages = number(&read(host, &format!("{directory}/hugepages-{kib}kB/{file}"))?)?;
    Some(pages.saturating_mul(kib).saturating_mul(1024))
}

/// What a balloon holds that MemTotal still counts. Most drivers take what they hold off MemTotal;
/// virtio's does not when the hypervisor lets it deflate rather than kill (VIRTIO_BALLOON_F_DEFLATE_ON_OOM).
/// VMware's never does.
fn balloon(host: &dyn Host, meminfo: &Meminfo<'_>, vmstat: &Vmstat) -> Option<Bytes> {
    if host.inode(Path::new("/sys/module/vmw_balloon")).is_ok() {
        return meminfo.bytes("Balloon");
    }
    const DRIVER: &str = "/sys/bus/virtio/drivers/virtio_balloon";
    const DEFLATE_ON_OOM: usize = 2;
    let mut devices = Vec::new();
    host.read_dir(Path::new(DRIVER), &mut |name| {
        if name.starts_with(b"virtio") {
            devices.push(String::from_utf8_lossy(name).into_owned());
        }
    })
    .ok()?;
    let stays_in_total = |device: &String| {
        let features = read(host, &format!("{DRIVER}/{device}/features"));
        features.is_some_and(|features| virtio_features::has(&features, DEFLATE_ON_OOM))
    };
    if !devices.iter().any(stays_in_total) {
        return None;
    }
    // Since Linux 6.16; before that, what went in less what came out.
    meminfo.bytes("Balloon").or_else(|| {
        let inside = vmstat.get("balloon_inflate")?.checked_sub(vmstat.get("balloon_deflate")?)?;
        Some(Pages(inside).bytes(host.page_size()))
    })
}
