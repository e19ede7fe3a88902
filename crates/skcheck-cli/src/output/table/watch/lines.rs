//! A sample, line by line.

use crate::output::table::watch::rows::WatchLines;
use crate::output::table::watch::{answer, notes, rows, trend};
use crate::output::words::sample::SampleNames;
use crate::report::watch::WatchReport;
use crate::text::{Page, broken};

/// The answer.
pub(super) fn answer_lines(report: &WatchReport<'_>, page: Page) -> Vec<String> {
    let names = SampleNames { sample: report.now, charset: page.charset };
    let room = page.width.unwrap_or(usize::MAX);
    answer::answer(report, names).iter().flat_map(|line| broken(line, room)).collect()
}

/// A blank line and the table: at most so many rows, and so many lines.
pub(super) fn table_lines(
    report: &WatchReport<'_>,
    top: Option<usize>,
    room: usize,
    page: Page,
) -> Vec<String> {
    let names = SampleNames { sample: report.now, charset: page.charset };
    let all = report.rows.len();
    // A row takes a line at least: what cannot be shown need not be drawn.
    let listed = &report.rows[..top.unwrap_or(all).min(room).min(all)];
    if listed.is_empty() {
        return Vec::new();
    }
    let WatchLines { heading, rows } = rows::table(listed, names, page);
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
pub(super) fn note_lines(report: &WatchReport<'_>, page: Page) -> Vec<String> {
    let names = SampleNames { sample: report.now, charset: page.charset };
    let mut notes = notes::notes(&report.rows);
    notes.extend(notes::error_queues(report, names));
    notes.iter().flat_map(|note| broken(note, page.width.unwrap_or(usize::MAX))).collect()
}

pub(super) fn trend_lines(report: &WatchReport<'_>, page: Page) -> Vec<String> {
    let words = format!("All that match: {}.", trend::words(&report.judgement.trend));
    let mut lines = vec![String::new()];
    lines.extend(broken(&words, page.width.unwrap_or(usize::MAX)));
    lines
}
