//! The packets of one socket, for people: the answer, what became of them, then each of them.

mod again;
mod answer;
mod queue;

use skcheck_core::Direction;
use std::io::{self, Write};

use crate::output::table::packets::queue::{about_queue, write_queue};
use crate::report::packets::{PacketsReport, RepeatedLook};
use crate::text::{Page, write_paragraph};

/// Who holds what, and what that pins.
pub(crate) fn write_answer(report: &PacketsReport, page: Page, out: &mut dyn Write) -> io::Result<()> {
    for line in answer::answer(report, page.charset) {
        write_paragraph(out, &line, 0, page)?;
    }
    Ok(())
}

/// What became of the packets, and each of them.
pub(crate) fn write_packets(
    report: &PacketsReport,
    again: Option<&RepeatedLook>,
    top: Option<usize>,
    page: Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Some(again) = again {
        write_paragraph(out, &again::became(again, report.elsewhere(Direction::Received)), 0, page)?;
    }
    for queue in report.exact.queues.iter().filter(|queue| queue.packets > 0 || !queue.complete) {
        writeln!(out)?;
        write_paragraph(out, &about_queue(queue, page.charset), 0, page)?;
        if queue.packets > 0 {
            write_queue(&report.listing, queue.queue, top, page, out)?;
        }
    }
    Ok(())
}

/// Says that there was no second look.
pub(crate) fn write_cut_short(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Told to end before the second look: this is the first.")
}
