//! The main job: scan, arrange, write.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use skcheck_core::{Host, Live, Snapshot, scan};

use crate::args::{Format, ScanArgs};
use crate::commands::{Failure, Outcome};
use crate::config::{Page, ScanConfig};
use crate::output;
use crate::report::Report;

/// Some socket matched, and the caller wants to know.
const MATCHED: u8 = 1;

/// Something could not be seen, and the caller wants to know.
const INCOMPLETE: u8 = 3;

/// Scans this host once.
pub(crate) fn run(args: ScanArgs, page: Page) -> Result<Outcome, Failure> {
    let config = ScanConfig::new(args, page);
    let host = Live::new();
    let snapshot = scan(&host, &config.query)?;
    write(&host, &snapshot, &config)?;
    Ok(Outcome { code: code(&snapshot, &config) })
}

/// Writes the report of a snapshot to standard output.
pub(crate) fn write(host: &Live, snapshot: &Snapshot, config: &ScanConfig) -> Result<(), Failure> {
    let report = Report::new(snapshot, &config.query, config.arrangement);
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match config.format {
        Format::Table => output::table::write(&report, config, &mut out),
        Format::Json => output::json::write(&report, &kernel(host), &mut out),
        Format::Jsonl => output::json::write_lines(&report, &mut out),
    };
    written.and_then(|()| out.flush()).map_err(Failure::Output)?;
    if config.format == Format::Jsonl {
        // A line is a socket: what could not be seen has no place among them, and must be seen.
        let _ = output::table::write_gaps(snapshot, config.page.charset, &mut io::stderr().lock());
    }
    Ok(())
}

fn code(snapshot: &Snapshot, config: &ScanConfig) -> u8 {
    if config.strict && !snapshot.gaps.is_empty() {
        INCOMPLETE
    } else if config.exit_code && !snapshot.sockets.is_empty() {
        MATCHED
    } else {
        0
    }
}

fn kernel(host: &Live) -> Option<String> {
    let mut release = Vec::new();
    host.read(Path::new("/proc/sys/kernel/osrelease"), &mut release).ok()?;
    Some(String::from_utf8_lossy(&release).trim().to_owned())
}
