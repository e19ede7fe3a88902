//! The report of a scan of readers that stand still, with the reason above it.

use std::io::{self, Write};

use skcheck_core::SocketEntry;
use skcheck_core::watch::SocketKey;

use crate::output::table::scan::{TableStyle, write_below};
use crate::output::table::watch::lines::{answer_lines, note_lines};
use crate::output::table::watch::why::why_at;
use crate::output::words::sample::SampleNames;
use crate::report::scan::{Owner, ScanReport};
use crate::report::watch::WatchReport;

/// The scan's report of readers that stand still, with the reason above it.
pub(crate) fn write_stalled(
    watched: &WatchReport<'_>,
    report: &ScanReport<'_>,
    style: TableStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    for line in answer_lines(watched, style.page).iter().chain(&note_lines(watched, style.page)) {
        writeln!(out, "{line}")?;
    }
    let names = SampleNames { sample: watched.now, charset: style.page.charset };
    let row_of = |socket: &SocketEntry| {
        let key = SocketKey::of(socket)?;
        watched.rows.iter().find(|row| row.judged.key == key)
    };
    let why =
        |socket: &SocketEntry, owner: Option<Owner<'_>>| row_of(socket).map(|row| why_at(row, owner, names));
    write_below(report, style, &why, out)
}
