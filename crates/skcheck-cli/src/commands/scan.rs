//! The main job: scan, arrange, write.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use skcheck_core::host::Guarded;
use skcheck_core::{Host, NetnsChoice, NetnsFile, Query, Snapshot, scan_with};

use crate::args::{Format, ScanArgs};
use crate::commands::engine::Loaded;
use crate::commands::session::Session;
use crate::commands::{Failure, Outcome, misuse, stalled};
use crate::config::ScanConfig;
use crate::output;
use crate::report::Report;
use crate::text::Page;

/// Some socket matched, and the caller wants to know.
const MATCHED: u8 = 1;

/// Something could not be seen, and the caller wants to know.
const INCOMPLETE: u8 = 3;

/// Scans this host once.
pub(crate) fn run(args: ScanArgs, page: Page) -> Result<Outcome, Failure> {
    let mut config = ScanConfig::new(args, page);
    config.narrowed |= config.stalled;
    if let Some(contradiction) = config.measuring.contradiction() {
        return Err(Failure::Misuse(contradiction.to_owned()));
    }
    let session = Session::begin(&config.roots, config.timeout)?;
    config.missing_pid = missing_pid(&session.host, &config.query);
    refuse_unknown_netns(&session.host, &config.query.netns)?;
    if config.stalled {
        return stalled::run(&session, &config);
    }
    let snapshot = measured(&session, &mut config)?;
    write(&session.host, &snapshot, &config)?;
    Ok(session.outcome(code(&snapshot, &config)))
}

/// A process that is asked for and does not exist.
pub(crate) fn missing_pid(host: &Guarded, query: &Query) -> Option<u32> {
    let looked = |pid: &u32| host.inode(Path::new(&format!("/proc/{pid}")));
    // One that does not answer is there.
    let is_missing = |pid: &&u32| looked(pid).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    query.pids.iter().find(is_missing).copied()
}

/// Scans with the engine that was chosen. That there is none is a gap of the report, where one was to be
/// tried.
pub(crate) fn measured(session: &Session, config: &mut ScanConfig) -> Result<Snapshot, Failure> {
    let loaded = Loaded::choose(config.measuring.engine, session)?;
    let mut snapshot = scan_with(&session.host, &config.query, loaded.engine(), &config.measuring.limits)?;
    snapshot.gaps.extend(loaded.gap);
    config.loading = loaded.took;
    Ok(snapshot)
}

/// A namespace that was asked for by name and is none is a mistake, and no gap of the report.
pub(crate) fn refuse_unknown_netns(host: &Guarded, choice: &NetnsChoice) -> Result<(), Failure> {
    let path: PathBuf = match choice {
        NetnsChoice::OfProcess(pid) => format!("/proc/{pid}/ns/net").into(),
        NetnsChoice::OfFile(path) => path.clone(),
        _ => return Ok(()),
    };
    let refuse = |why: &str| Err(misuse("--netns", &path, why));
    let inode = match (host.inode(&path), choice) {
        (Ok(inode), _) => inode,
        (Err(error), NetnsChoice::OfProcess(_)) if error.kind() == io::ErrorKind::NotFound => {
            return refuse("there is no such process");
        }
        (Err(error), _) if error.kind() == io::ErrorKind::PermissionDenied => {
            return refuse("permission denied: run as root, or grant CAP_SYS_PTRACE");
        }
        (Err(error), _) if error.kind() == io::ErrorKind::TimedOut => {
            let who: Vec<String> =
                host.unanswered().iter().map(|gap| format!("{gap}; {}", gap.remedy)).collect();
            return refuse(&who.join("; "));
        }
        (Err(error), _) => return refuse(&error.to_string()),
    };
    // EINVAL: a file of another kind. That it may not be entered, the scan says itself.
    match host.diag(Some(&NetnsFile { root: None, path: path.clone(), inode })) {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => {
            refuse("not a network namespace")
        }
        _ => Ok(()),
    }
}

/// Writes the report of a snapshot to standard output.
pub(crate) fn write(host: &Guarded, snapshot: &Snapshot, config: &ScanConfig) -> Result<(), Failure> {
    let report = Report::new(snapshot, &config.query, config.arrangement);
    write_with(host, &report, config, |out| output::table::write(&report, config, out))
}

/// Writes a report to standard output: the table in this way, other formats in theirs.
pub(crate) fn write_with(
    host: &Guarded,
    report: &Report<'_>,
    config: &ScanConfig,
    write_table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match config.format {
        Format::Table => write_table(&mut out),
        Format::Json => output::json::write(report, &kernel(host), &mut out),
        Format::Jsonl => output::json::write_lines(report, &mut out),
    };
    written.and_then(|()| out.flush()).map_err(Failure::Output)?;
    if config.format == Format::Jsonl {
        // A line is a socket: what could not be seen has no place among them, and must be seen.
        let _ = output::table::write_gaps(report.snapshot, config.page.charset, &mut io::stderr().lock());
    }
    Ok(())
}

pub(crate) fn code(snapshot: &Snapshot, config: &ScanConfig) -> u8 {
    if config.strict && !snapshot.gaps.is_empty() {
        INCOMPLETE
    } else if config.exit_code && !snapshot.sockets.is_empty() {
        MATCHED
    } else {
        0
    }
}

fn kernel(host: &Guarded) -> Option<String> {
    let mut release = Vec::new();
    host.read(Path::new("/proc/sys/kernel/osrelease"), &mut release).ok()?;
    Some(String::from_utf8_lossy(&release).trim().to_owned())
}
