//! The whole point in one look: a child makes a stalled reader, and its report is shown.

mod child;
mod memory;

use skcheck_core::host::Budget;
use skcheck_core::memory::{available, resident};

use crate::commands::demo::child::Staller;
use crate::commands::demo::memory::free_memory;
use crate::commands::failure::{Failure, Outcome};
use crate::commands::session::Session;
use crate::commands::{scan, stdout};
use crate::config::{DemoConfig, Format};
use crate::output::table;
use crate::report::demo::DemoReport;
use crate::report::scan::ScanReport;
use crate::stall::chunk;
use crate::text::size;

pub(crate) use crate::commands::demo::child::hold;

/// How many times what may be pinned must be available.
const RESERVE: u64 = 4;

/// Makes a stalled reader in a child, shows the report of it, and cleans up.
pub(crate) fn run(config: &DemoConfig) -> Result<Outcome, Failure> {
    let session = Session::begin(&config.roots, Budget::USUAL)?;
    let host = &session.host;
    let made = u64::from(config.fragments) * chunk() as u64;
    refuse_when_short(available(host).map(|bytes| bytes.0), made)?;
    let before = free_memory(host);
    let child = Staller::start(config.fragments)?;
    let free = before.zip(free_memory(host));

    let of_child = config.scan_of(child.pid());
    let (snapshot, circumstances) = scan::measured(&session, &of_child, None)?;
    if config.format == Format::Table {
        let rss = resident(host, child.pid()).map(|bytes| bytes.0);
        let demo = DemoReport::new(child.pid(), made, &snapshot, rss, free);
        stdout::write(|out| table::demo::write_story(&demo, config.page, out))?;
    }
    let report = ScanReport::new(&snapshot, of_child.request(), circumstances);
    scan::write(&report, &of_child)?;
    child.end()?;
    if config.format == Format::Table {
        stdout::write(table::demo::write_end)?;
    }
    Ok(session.outcome(0))
}

fn refuse_when_short(available: Option<u64>, pinned: u64) -> Result<(), Failure> {
    let wanted = pinned.saturating_mul(RESERVE);
    match available {
        Some(available) if available >= wanted => Ok(()),
        available => Err(Failure::Cannot {
            what: format!(
                "the demonstration may pin {} and wants {} available; there is {}",
                size(pinned),
                size(wanted),
                available.map_or_else(|| "no telling (/proc/meminfo)".to_owned(), size)
            ),
            remedy: format!("try fewer --fragments: each can pin {}", size(chunk() as u64)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_when_memory_is_short() {
        assert!(refuse_when_short(Some(256 << 20), 64 << 20).is_ok());
        let refusal = refuse_when_short(Some((256 << 20) - 1), 64 << 20).unwrap_err().to_string();
        assert!(
            refusal.contains("may pin 64 MiB and wants 256 MiB available; there is 256 MiB"),
            "{refusal}"
        );
        assert!(refusal.contains("\n  try fewer --fragments"), "{refusal}");
        assert!(refuse_when_short(None, 1).unwrap_err().to_string().contains("no telling"));
    }
}
