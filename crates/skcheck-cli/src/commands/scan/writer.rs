//! Writing the report of a scan.

use std::io::{self, Write};

use skcheck_core::Gap;

use crate::commands::failure::Failure;
use crate::commands::stdout;
use crate::config::{Format, ScanConfig};
use crate::output::json;
use crate::output::table::gaps::{write_gaps, write_gaps_strictly};
use crate::output::table::scan::{self, TableStyle};
use crate::report::scan::ScanReport;
use crate::text::Page;

/// Writes a report to standard output.
pub(in crate::commands) fn write(report: &ScanReport<'_>, config: &ScanConfig) -> Result<(), Failure> {
    write_with(report, config, |out| scan::write(report, style(config), out))
}

/// Writes a report to standard output: the table in this way, other formats in theirs.
pub(super) fn write_with(
    report: &ScanReport<'_>,
    config: &ScanConfig,
    write_table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    stdout::write(|out| match config.format {
        Format::Table => write_table(out),
        Format::Json => json::scan::write(report, out),
        Format::Jsonl => json::scan::write_lines(report.snapshot, &report.sockets, out),
    })?;
    write_gaps_aside(&report.gaps, config);
    Ok(())
}

/// Writes what could not be seen to standard error, where it has no place in the report: of one whose lines are
/// sockets.
pub(super) fn write_gaps_aside(gaps: &[Gap], config: &ScanConfig) {
    if config.format == Format::Jsonl {
        let page = Page { width: None, charset: config.page.charset };
        let write = if config.strict.is_some() { write_gaps_strictly } else { write_gaps };
        let _ = write(gaps, page, &mut io::stderr().lock());
    }
}

/// How its table is drawn.
pub(super) fn style(config: &ScanConfig) -> TableStyle {
    TableStyle {
        page: config.page,
        wide: config.wide,
        verbose: config.verbose,
        strict: config.strict.is_some(),
    }
}
