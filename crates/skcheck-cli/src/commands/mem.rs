//! Where the memory is: read, scan, judge, write.

use std::io::{self, BufWriter, Write};

use skcheck_core::host::Guarded;
use skcheck_core::memory::cgroup::cgroup;
use skcheck_core::{Gap, Host, Missing, Query, memory, scan_with, verdict};

use crate::args::{DocumentFormat, MemArgs};
use crate::commands::engine::Loaded;
use crate::commands::session::Session;
use crate::commands::{Failure, Outcome};
use crate::config::mem::MemConfig;
use crate::output;
use crate::output::progress::Progress;
use crate::report::mem::{HostReport, MemReport, Scope};
use crate::text::Page;

/// Too much belongs to nobody, and the caller wants to know.
const TOO_MUCH: u8 = 1;

/// Tells where the memory of this host, or of one cgroup, is.
pub(crate) fn run(args: MemArgs, page: Page) -> Result<Outcome, Failure> {
    let config = MemConfig::new(args, page);
    if let Some(contradiction) = config.measuring.contradiction() {
        return Err(Failure::Misuse(contradiction.to_owned()));
    }
    let session = Session::begin(&config.roots, config.timeout)?;
    let Outcome { code } = match &config.cgroup {
        Some(path) => of_cgroup(&session.host, path, &config),
        None => of_host(&session, &config),
    }?;
    Ok(session.outcome(code))
}

fn of_host(session: &Session, config: &MemConfig) -> Result<Outcome, Failure> {
    let host = &session.host;
    let progress = Progress::on_terminal(host.page_size()).filter(|_| config.pages);
    let show = |done, of| {
        if let Some(progress) = &progress {
            progress.show(done, of);
        }
    };
    let memory = memory(host, if config.pages { Some(&show) } else { None })?;
    drop(progress);
    let loaded = Loaded::choose(config.measuring.engine, session)?;
    let mut gaps = memory.gaps.clone();
    let scanned = scan_with(host, &Query::default(), loaded.engine(), &config.measuring.limits);
    let verdict = match &scanned {
        Ok(snapshot) => {
            gaps.extend(snapshot.gaps.iter().cloned());
            verdict::judge(&memory.ledger, memory.census.as_ref(), snapshot)
        }
        Err(error) => {
            // Without sockets there is still a ledger.
            gaps.extend(error.gaps().iter().cloned());
            let remedy = "run skcheck alone: it says what is in the way";
            gaps.push(Gap::uncounted(Missing::Table, error.to_string(), remedy));
            verdict::unseen(&memory.ledger)
        }
    };
    gaps.extend(loaded.gap);
    let gaps = with_unanswered(gaps, host);
    let scope = Scope::Host(HostReport {
        reserved: memory.reserved,
        network: &memory.network,
        census: memory.census.as_ref(),
        verdict: &verdict,
        scanned: scanned.is_ok(),
    });
    finish(
        &MemReport {
            taken_at: memory.taken_at,
            page_size: host.page_size(),
            ledger: &memory.ledger,
            ceiling: config.ceiling.of(&memory.ledger),
            scope,
            gaps: once(gaps),
        },
        config,
    )
}

fn of_cgroup(host: &Guarded, path: &[u8], config: &MemConfig) -> Result<Outcome, Failure> {
    let taken_at = host.now();
    let cgroup = cgroup(host, path)?;
    finish(
        &MemReport {
            taken_at,
            page_size: host.page_size(),
            ledger: &cgroup.ledger,
            ceiling: config.ceiling.of(&cgroup.ledger),
            scope: Scope::Cgroup(&cgroup),
            gaps: with_unanswered(cgroup.gaps.clone(), host),
        },
        config,
    )
}

/// Those that did not answer, as it is in the end.
fn with_unanswered(mut gaps: Vec<Gap>, host: &Guarded) -> Vec<Gap> {
    gaps.retain(|gap| !gap.what.is_of_waiting());
    gaps.extend(host.unanswered());
    gaps
}

/// Each gap once: the ledger and the scan read some of the same files.
fn once(gaps: Vec<Gap>) -> Vec<Gap> {
    let mut once: Vec<Gap> = Vec::with_capacity(gaps.len());
    for gap in gaps {
        if !once.contains(&gap) {
            once.push(gap);
        }
    }
    once
}

fn finish(report: &MemReport<'_>, config: &MemConfig) -> Result<Outcome, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match config.format {
        DocumentFormat::Table => output::mem::write(report, config.page, config.color, &mut out),
        DocumentFormat::Json => output::json::mem::write(report, &mut out),
    };
    written.and_then(|()| out.flush()).map_err(Failure::Output)?;
    let code = if config.exit_code && report.is_alarm() { TOO_MUCH } else { 0 };
    Ok(Outcome { code })
}
