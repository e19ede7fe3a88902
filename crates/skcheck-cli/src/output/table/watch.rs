//! Who reads and who stands still, for people: the answer, the table, how the whole goes.

mod answer;
mod lines;
mod notes;
mod others;
mod rows;
pub(crate) mod stalled;
mod summary;
#[cfg(test)]
mod tests;
mod trend;
mod why;

use std::io::{self, Write};

use skcheck_core::Gap;

use crate::output::table::gaps::write_gaps;
use crate::output::table::next::write_next;
use crate::output::table::watch::lines::{answer_lines, note_lines, table_lines, trend_lines};
use crate::report::watch::{History, WatchReport};
use crate::text::{Page, about, broken, rfc3339, span, write_paragraph};

/// What stands on a terminal until there are two samples.
pub(crate) fn waiting() -> Vec<String> {
    vec!["Looking twice, to see who reads. Ctrl-C ends it.".to_owned()]
}

/// A sample for a terminal of so many lines: what there is no room for is left out of the table.
pub(crate) fn frame(report: &WatchReport<'_>, top: Option<usize>, page: Page, lines: usize) -> Vec<String> {
    let mut frame = answer_lines(report, page);
    let gaps = match report.gaps.len() {
        0 => String::new(),
        1 => "; 1 thing not seen, told in the end".to_owned(),
        n => format!("; {n} things not seen, told in the end"),
    };
    let mut tail = note_lines(report, page);
    tail.extend(trend_lines(report, page));
    let last = format!("{}{gaps}; Ctrl-C ends it.", time(report));
    tail.extend(broken(&last, page.width.unwrap_or(usize::MAX)));
    let room = lines.saturating_sub(frame.len() + tail.len());
    frame.extend(table_lines(report, top, room, page));
    frame.extend(tail);
    frame.truncate(lines);
    frame
}

/// A sample for a pipe or a file, and what to tell of what could not be seen. Ends with a blank line.
pub(crate) fn write_block(
    report: &WatchReport<'_>,
    gaps: &[Gap],
    top: Option<usize>,
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut lines = answer_lines(report, page);
    lines.extend(table_lines(report, top, usize::MAX, page));
    lines.extend(note_lines(report, page));
    lines.extend(trend_lines(report, page));
    lines.push(format!("{}.", time(report)));
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    write_gaps(gaps, page, out)?;
    writeln!(out)
}

/// What the whole watch found.
pub(crate) fn write_summary(
    history: &History,
    gaps: &[Gap],
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    for line in summary::summary(history, page.charset) {
        write_paragraph(out, &line, 0, page)?;
    }
    write_gaps(gaps, page, out)?;
    write_next(&summary::next(history), out)
}

fn time(report: &WatchReport<'_>) -> String {
    format!("{}, over {}", rfc3339(report.now.taken_at), span(about(report.judgement.window)))
}
