//! Where the memory is: read, scan, judge, write.

use skcheck_core::host::Guarded;
use skcheck_core::memory::{Memory, cgroup};
use skcheck_core::{Gap, Host, Query, memory, scan_with};

use crate::commands::engine::Loaded;
use crate::commands::failure::{Failure, Outcome};
use crate::commands::program::privilege;
use crate::commands::session::Session;
use crate::commands::stdout;
use crate::config::{DocumentFormat, MemConfig};
use crate::output::progress::ProgressLine;
use crate::output::table::mem::MemStyle;
use crate::output::{json, table};
use crate::report::mem::{HostVerdict, MemReport};

/// Too much belongs to nobody, and the caller wants to know.
const TOO_MUCH: u8 = 1;

/// Tells where the memory of this host, or of one cgroup, is.
pub(crate) fn run(config: &MemConfig) -> Result<Outcome, Failure> {
    if let Some(contradiction) = config.measuring.contradiction() {
        return Err(Failure::Misuse(contradiction.to_owned()));
    }
    let session = Session::begin(&config.roots, config.timeout)?;
    let code = match &config.cgroup {
        Some(path) => of_cgroup(&session.host, path, config),
        None => of_host(&session, config),
    }?;
    Ok(session.outcome(code))
}

fn of_host(session: &Session, config: &MemConfig) -> Result<u8, Failure> {
    let host = &session.host;
    let memory = counted(host, config)?;
    let loaded = Loaded::choose(config.measuring.engine, session)?;
    let scanned = scan_with(host, &Query::default(), loaded.engine(), &config.measuring.limits);
    let verdict = HostVerdict::of(&memory, &scanned);
    let gaps = verdict.gaps.iter().cloned().chain(loaded.circumstances(None).gap).collect();
    let (ceiling, gaps) = (config.ceiling(&memory.ledger), with_unanswered(gaps, host));
    write(&MemReport::of_host(&memory, &verdict, host.page_size(), ceiling, gaps), config)
}

/// Reads the memory of the host, and counts its pages where that is wanted.
fn counted(host: &Guarded, config: &MemConfig) -> Result<Memory, Failure> {
    let progress = ProgressLine::on_terminal(host.page_size()).filter(|_| config.pages);
    let show = |done, of| {
        if let Some(progress) = &progress {
            progress.show(done, of);
        }
    };
    Ok(memory(host, if config.pages { Some(&show) } else { None })?)
}

fn of_cgroup(host: &Guarded, path: &[u8], config: &MemConfig) -> Result<u8, Failure> {
    let taken_at = host.now();
    let cgroup = cgroup(host, path)?;
    let gaps = with_unanswered(cgroup.gaps.clone(), host);
    let ceiling = config.ceiling(&cgroup.ledger);
    write(&MemReport::of_cgroup(&cgroup, taken_at, host.page_size(), ceiling, gaps), config)
}

/// Those that did not answer, as it is in the end.
fn with_unanswered(mut gaps: Vec<Gap>, host: &Guarded) -> Vec<Gap> {
    gaps.retain(|gap| !gap.what.is_of_waiting());
    gaps.extend(host.unanswered());
    gaps
}

fn write(report: &MemReport<'_>, config: &MemConfig) -> Result<u8, Failure> {
    let style = MemStyle { page: config.page, color: config.color, privilege: privilege() };
    stdout::write(|out| match config.format {
        DocumentFormat::Table => table::mem::write(report, style, out),
        DocumentFormat::Json => json::mem::write(report, out),
    })?;
    Ok(if config.exit_code && report.is_alarm() { TOO_MUCH } else { 0 })
}
