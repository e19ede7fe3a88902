//! Who reads and who stands still, for people: the answer, the table, how the whole goes.

mod answer;
mod arrival;
mod chain;
mod names;
mod notes;
mod rows;
pub(crate) mod screen;
mod summary;
#[cfg(test)]
mod tests;
mod trend;
mod words;

use std::io::{self, Write};

use skcheck_core::watch::SocketKey;
use skcheck_core::{Gap, Report as SocketReport};

use crate::config::ScanConfig;
use crate::output::table;
use crate::output::watch::rows::Table;
use crate::report::watch::WatchReport;
use crate::report::watch::history::History;
use crate::report::{Owner, Report};
use crate::text::{Page, about, broken, rfc3339, span, write_paragraph};

pub(in crate::output) use crate::output::watch::arrival::clause as not_arriving;
pub(in crate::output) use crate::output::watch::chain::because;
pub(in crate::output) use crate::output::watch::names::Names;
pub(in crate::output) use crate::output::watch::words::fact;

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
    table::gaps(gaps, page, out)?;
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
    table::gaps(gaps, page, out)?;
    table::write_next(&summary::next(history), out)
}

/// The scan's report of readers that stand still, with the reason above it.
pub(crate) fn write_stalled(
    watched: &WatchReport<'_>,
    report: &Report<'_>,
    config: &ScanConfig,
    out: &mut dyn Write,
) -> io::Result<()> {
    for line in answer_lines(watched, config.page).iter().chain(&note_lines(watched, config.page)) {
        writeln!(out, "{line}")?;
    }
    let names = Names { sample: watched.now, charset: config.page.charset };
    let row_of = |socket: &SocketReport| {
        let key = SocketKey::of(socket)?;
        watched.rows.iter().find(|row| row.judged.key == key)
    };
    let why = |socket: &SocketReport, owner: Option<Owner<'_>>| {
        row_of(socket).map(|row| rows::why_at(row, owner, names))
    };
    table::write_below(report, config, &why, out)
}

fn answer_lines(report: &WatchReport<'_>, page: Page) -> Vec<String> {
    let names = Names { sample: report.now, charset: page.charset };
    let room = page.width.unwrap_or(usize::MAX);
    answer::answer(report, names).iter().flat_map(|line| broken(line, room)).collect()
}

/// A blank line and the table: at most so many rows, and so many lines.
fn table_lines(report: &WatchReport<'_>, top: Option<usize>, room: usize, page: Page) -> Vec<String> {
    let names = Names { sample: report.now, charset: page.charset };
    let all = report.rows.len();
    // A row takes a line at least: what cannot be shown need not be drawn.
    let listed = &report.rows[..top.unwrap_or(all).min(room).min(all)];
    if listed.is_empty() {
        return Vec::new();
    }
    let Table { heading, rows } = rows::table(listed, names, page);
    let mut lines = vec![String::new(), heading];
    let mut shown = 0;
    for row in rows {
        // One line is for telling what is left out.
        let reserve = usize::from(shown + 1 < all);
        if lines.len() + row.len() + reserve > room {
            break;
        }
        lines.extend(row);
        shown += 1;
    }
    match all - shown {
        0 => {}
        all if shown == 0 => return vec![String::new(), format!("{all} sockets, and no room to show them")],
        more => lines.push(format!("{more} more")),
    }
    lines
}

/// What would show more of why, and what is no unread data.
fn note_lines(report: &WatchReport<'_>, page: Page) -> Vec<String> {
    let names = Names { sample: report.now, charset: page.charset };
    let mut notes = notes::notes(&report.rows);
    notes.extend(notes::error_queues(report, names));
    notes.iter().flat_map(|note| broken(note, page.width.unwrap_or(usize::MAX))).collect()
}

fn trend_lines(report: &WatchReport<'_>, page: Page) -> Vec<String> {
    let words = format!("All that match: {}.", trend::words(&report.judgement.trend));
    let mut lines = vec![String::new()];
    lines.extend(broken(&words, page.width.unwrap_or(usize::MAX)));
    lines
}

fn time(report: &WatchReport<'_>) -> String {
    format!("{}, over {}", rfc3339(report.now.taken_at), span(about(report.judgement.window)))
}
