//! Reads what the memory's parsers interpret, through the seam.

use std::io;
use std::path::Path;

use crate::collect::read::{host_facts, kernel_config};
use crate::host::Host;
use crate::memory::Memory;
use crate::memory::census::{self, Progress};
use crate::memory::ledger::Ledger;
use crate::memory::ledger::host::{self, Counters};
use crate::memory::network::{self, Books, Network};
use crate::memory::reserved::{self, Reserved};
use crate::model::error::Error;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::units::{Bytes, Pages};
use crate::procfs::config::KernelConfig;
use crate::procfs::flat::{counter, number};
use crate::procfs::meminfo::Meminfo;
use crate::procfs::zoneinfo::Zones;

pub(super) fn memory(host: &dyn Host, census: Option<&Progress<'_>>) -> Result<Memory, Error> {
    let mut gaps = Vec::new();
    let taken_at = host.now();
    let config = kernel_config(host);
    let ledger = ledger(host, config.as_ref(), &mut gaps).ok_or_else(Error::no_meminfo)?;
    let census = census.and_then(|progress| {
        let taken = census::take(host, config.as_ref(), progress);
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
    let Some(now) = ledger(host, config, &mut Vec::new()) else { return before };
    let moved = now.nobodys().0.abs_diff(before.nobodys().0);
    if moved > before.total.0 / 100 {
        let remedy =
            format!("run again: {moved} B came to nobody or went from there while pages were counted");
        gaps.push(Gap::uncounted(
            Missing::Consistency,
            Place::Host("/proc/kpageflags and /proc/meminfo".into()),
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
    Gap::uncounted(Missing::Census, Place::File("/proc/kpageflags".into()), remedy)
}

/// What firmware and kernel kept; `None` where /proc/iomem hides it.
fn reserved(host: &dyn Host, mem_total: Bytes, gaps: &mut Vec<Gap>) -> Option<Reserved> {
    let reserved = read(host, "/proc/iomem").and_then(|file| reserved::reserved(&file, mem_total));
    if reserved.is_none() {
        let remedy = "run as root (CAP_SYS_ADMIN): others see addresses of 0";
        gaps.push(Gap::uncounted(
            Missing::Memory,
            Place::Host("/proc/iomem: what firmware and kernel reserved".into()),
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
            Place::Host("/proc/slabinfo: packets in use unknown".into()),
            remedy,
        ));
    }
    let mut file = |path: &str, remedy: &str| {
        let file = read(host, path);
        if file.is_none() {
            gaps.push(Gap::uncounted(
                Missing::HostFact,
                Place::Host(format!("{path} unknown").into()),
                remedy,
            ));
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
    let books = Books {
        sockstat: sockstat.as_deref(),
        sockstat6: sockstat6.as_deref(),
        protocols: protocols.as_deref(),
        tcp_mem: tcp_mem.as_deref(),
        udp_mem: udp_mem.as_deref(),
    };
    network::network(&books, &facts)
}

/// The ledger of a host; `None` without /proc/meminfo.
pub(crate) fn ledger(host: &dyn Host, config: Option<&KernelConfig>, gaps: &mut Vec<Gap>) -> Option<Ledger> {
    let meminfo = read(host, "/proc/meminfo")?;
    let meminfo = Meminfo::parse(&meminfo);
    let zones = match read(host, "/proc/zoneinfo") {
        Some(file) => Zones::parse(&file),
        None => {
            let remedy = "make it readable: until then what the CPUs keep counts as unaccounted";
            gaps.push(Gap::uncounted(
                Missing::Memory,
                Place::Host("/proc/zoneinfo: free pages of the CPUs".into()),
                remedy,
            ));
            Zones::default()
        }
    };
    let vmalloc = if meminfo.bytes("VmallocUsed").is_some_and(|bytes| bytes.0 > 0) {
        None
    } else {
        let file = read(host, "/proc/vmallocinfo");
        if file.is_none() {
            let remedy =
                "run as root: this kernel tells vmalloc's size nowhere else, and it counts as unaccounted";
            gaps.push(Gap::uncounted(
                Missing::Memory,
                Place::Host("/proc/vmallocinfo: vmalloc".into()),
                remedy,
            ));
        }
        file.map(|file| host::vmalloc_pages(&file))
    };
    let vmstat = read(host, "/proc/vmstat").unwrap_or_default();
    host::ledger(&Counters {
        meminfo: &meminfo,
        zones: &zones,
        page_size: host.page_size(),
        // The default on x86-64, arm64 and s390 since Linux 4.14.
        stacks_in_vmalloc: config.is_none_or(|config| config.vmap_stack),
        vmalloc,
        hugetlb: meminfo.bytes("Hugetlb").is_none().then(|| hugetlb(host)).flatten(),
        page_records: counter(&vmstat, "nr_memmap_pages").map(Pages),
        partly_unmapped: partly_unmapped(host),
        balloon: balloon(host, &meminfo, &vmstat),
    })
}

/// The pools of huge pages of every size (/sys/kernel/mm/hugepages).
fn hugetlb(host: &dyn Host) -> Option<Bytes> {
    const POOLS: &str = "/sys/kernel/mm/hugepages";
    let mut sum = 0u64;
    let mut names = Vec::new();
    host.read_dir(Path::new(POOLS), &mut |name| names.push(String::from_utf8_lossy(name).into_owned()))
        .ok()?;
    for name in names {
        let kib = name.strip_prefix("hugepages-").and_then(|rest| rest.strip_suffix("kB"))?;
        let kib: u64 = kib.parse().ok()?;
        let pages = number(&read(host, &format!("{POOLS}/{name}/nr_hugepages"))?)?;
        sum = sum.saturating_add(pages.saturating_mul(kib).saturating_mul(1024));
    }
    Some(Bytes(sum))
}

/// Huge pages of programs of which they have unmapped a part, of every size.
fn partly_unmapped(host: &dyn Host) -> Option<Bytes> {
    const SIZES: &str = "/sys/kernel/mm/transparent_hugepage";
    let mut sizes = Vec::new();
    let mut on_entry = |name: &[u8]| {
        let kib = name.strip_prefix(b"hugepages-").and_then(|rest| rest.strip_suffix(b"kB"));
        sizes.extend(kib.and_then(number));
    };
    host.read_dir(Path::new(SIZES), &mut on_entry).ok()?;
    let of_size = |kib: u64| {
        let pages = read(host, &format!("{SIZES}/hugepages-{kib}kB/stats/nr_anon_partially_mapped"))?;
        Some(number(&pages)?.saturating_mul(kib).saturating_mul(1024))
    };
    // Not every size is one of anonymous pages.
    sizes.into_iter().filter_map(of_size).reduce(u64::saturating_add).map(Bytes)
}

/// What a balloon holds that MemTotal still counts. Most drivers take what they hold off MemTotal;
/// virtio's does not when the hypervisor lets it deflate rather than kill (VIRTIO_BALLOON_F_DEFLATE_ON_OOM).
/// VMware's never does.
fn balloon(host: &dyn Host, meminfo: &Meminfo<'_>, vmstat: &[u8]) -> Option<Bytes> {
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
        features.is_some_and(|bits| bits.get(DEFLATE_ON_OOM) == Some(&b'1'))
    };
    if !devices.iter().any(stays_in_total) {
        return None;
    }
    // Since Linux 6.16; before that, what went in less what came out.
    meminfo.bytes("Balloon").or_else(|| {
        let pages = |name: &str| counter(vmstat, name);
        let inside = pages("balloon_inflate")?.checked_sub(pages("balloon_deflate")?)?;
        Some(Pages(inside).bytes(host.page_size()))
    })
}

pub(super) fn read(host: &dyn Host, path: &str) -> Option<Vec<u8>> {
    let mut file = Vec::new();
    host.read(Path::new(path), &mut file).ok().map(|()| file)
}
