//! Reads the flags of all pages, through the seam, by several threads.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::exact::measured::Blocks;
use crate::host::{Host, file};
use crate::memory::census::count::Counting;
use crate::memory::census::plan::{CHUNK, Plan};
use crate::memory::census::singles::{self, PageCounters};
use crate::memory::census::{Census, CensusProgress, PageClass};
use crate::memory::ledger::files::host_ledger;
use crate::memory::{reserved, threads};
use crate::model::units::Pages;
use crate::procfs::config::KernelConfig;
use crate::procfs::zoneinfo::Zones;

const FLAGS: &str = "/proc/kpageflags";

/// How many bytes /proc/kpageflags has for a page.
const FLAGS_SIZE: u64 = 8;

/// More of them wait for the same memory.
const THREADS: usize = 8;

/// Counts the pages of a host (root only).
///
/// # Errors
/// The system's own, when their flags cannot be read.
pub(crate) fn take(
    host: &dyn Host,
    config: Option<&KernelConfig>,
    progress: &CensusProgress<'_>,
) -> io::Result<Census> {
    let page_size = host.page_size();
    let file = |path| file::read(host, path).unwrap_or_default();
    let plan = Plan::of(&reserved::ram_ranges(&file("/proc/iomem"), page_size), page_size);
    let all = plan.pages(Zones::parse(&file("/proc/zoneinfo")).end);
    let counters =
        || host_ledger(host, config, &mut Vec::new()).map(|ledger| PageCounters::of(&ledger, page_size));
    let before = counters().ok_or(io::ErrorKind::NotFound)?;
    let counted = PageScan::new(host, &plan, all, progress).run()?;
    let after = counters().unwrap_or(before);
    let singles = singles::singles(&counted, before, after);

    let pages = |class| match class {
        PageClass::OffList => counted.of(class).saturating_add(singles.pages),
        PageClass::Unflagged => counted.of(class).saturating_sub(singles.pages),
        _ => counted.of(class),
    };
    let single = (singles.pages > 0).then_some((0, singles.pages));
    let blocks = single.into_iter().chain(counted.blocks());
    Ok(Census {
        page_size,
        classes: PageClass::ALL.into_iter().map(|class| (class, Pages(pages(class)))).collect(),
        off_list: blocks.map(|(order, blocks)| Blocks { order, blocks }).collect(),
        uncertain: Pages(singles.uncertain),
        threads_kept: threads::keep(host),
    })
}

/// One look at every page.
struct PageScan<'p> {
    host: &'p dyn Host,
    plan: &'p Plan,
    progress: &'p CensusProgress<'p>,
    /// How many pages will have been looked at, as far as is known.
    all: Pages,
    looked_at: AtomicU64,
    /// How many chunks have been taken on.
    taken: AtomicU64,
    /// The file has come to its end, or cannot be read.
    over: AtomicBool,
    sum: Mutex<io::Result<PageTally>>,
}

#[derive(Default)]
struct PageTally {
    counting: Counting,
    /// The first page that is behind all that were looked at.
    end: u64,
}

impl<'p> PageScan<'p> {
    fn new(host: &'p dyn Host, plan: &'p Plan, all: Pages, progress: &'p CensusProgress<'p>) -> PageScan<'p> {
        PageScan {
            host,
            plan,
            progress,
            all,
            looked_at: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            over: AtomicBool::new(false),
            sum: Mutex::new(Ok(PageTally::default())),
        }
    }

    fn run(self) -> io::Result<Counting> {
        let cpus = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 1..cpus.min(THREADS) {
                let thread = thread::Builder::new().name("skcheck-census".to_owned());
                // Where no thread can be had, those that there are do its work.
                let _ = thread.spawn_scoped(scope, || self.work());
            }
            self.work();
        });
        let PageTally { mut counting, end } =
            self.sum.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        if end == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Holes that were not read.
        let known: u64 = PageClass::ALL.into_iter().map(|class| counting.of(class)).sum();
        counting.add(PageClass::Absent, end.saturating_sub(known));
        let looked_at = Pages(self.looked_at.into_inner());
        (self.progress)(looked_at, looked_at);
        Ok(counting)
    }

    /// What one thread does: chunk after chunk, until none is left.
    fn work(&self) {
        let mut counted = PageTally::default();
        let worked = self.chunks(&mut counted);
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut *sum, worked) {
            (Ok(sum), Ok(())) => {
                sum.counting.merge(&counted.counting);
                sum.end = sum.end.max(counted.end);
            }
            (Ok(_), Err(error)) => *sum = Err(error),
            (Err(_), _) => {}
        }
    }

    fn chunks(&self, counted: &mut PageTally) -> io::Result<()> {
        let mut buffer = vec![0; usize::try_from(CHUNK * FLAGS_SIZE).unwrap_or_default()];
        while !self.over.load(Ordering::Relaxed)
            && let Some(chunk) = self.plan.chunk(self.taken.fetch_add(1, Ordering::Relaxed))
        {
            let first = chunk.saturating_mul(CHUNK);
            let flags = self.fill(first, &mut buffer);
            if flags.as_ref().map_or(true, |flags| flags.is_empty()) {
                self.over.store(true, Ordering::Relaxed);
            }
            let flags = flags?;
            let pages = flags.len() as u64 / FLAGS_SIZE;
            counted.count(self.plan, first..first.saturating_add(pages), flags);
            let looked_at = pages + self.looked_at.fetch_add(pages, Ordering::Relaxed);
            (self.progress)(Pages(looked_at), Pages(self.all.0.max(looked_at)));
        }
        Ok(())
    }

    /// The flags of a chunk, from its first page on: all of them, or as many as the file has.
    fn fill<'b>(&self, first: u64, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let Some(offset) = first.checked_mul(FLAGS_SIZE) else { return Ok(&[]) };
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.host.read_at(Path::new(FLAGS), offset.saturating_add(filled as u64), rest)? {
                0 => break,
                more => filled += more,
            }
        }
        Ok(buffer.get(..filled).unwrap_or_default())
    }
}

impl PageTally {
    /// Counts these pages, where they are RAM.
    fn count(&mut self, plan: &Plan, pages: Range<u64>, flags: &[u8]) {
        let place = |page: u64| usize::try_from((page - pages.start) * FLAGS_SIZE).unwrap_or(usize::MAX);
        for ram in plan.ram_in(pages.clone()) {
            self.counting.pages(flags.get(place(ram.start)..place(ram.end)).unwrap_or_default());
            self.counting.end_block();
        }
        if !pages.is_empty() {
            self.end = self.end.max(pages.end);
        }
    }
}
