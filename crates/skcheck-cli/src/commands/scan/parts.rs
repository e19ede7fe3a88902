//! A report for programs, written part by part.

use std::io::{self, Write};

use skcheck_core::{Snapshot, SocketEntry, Totals};

use crate::config::{Format, ScanConfig};
use crate::output::json::scan::{Document, write_lines};
use crate::report::scan::in_order;

/// Writes the parts of a report as they come.
pub(super) struct PartWriter<'o> {
    config: &'o ScanConfig,
    report: Report<'o>,
    has_first: bool,
}

enum Report<'o> {
    Document(Document<'o>),
    Lines(&'o mut dyn Write),
}

impl<'o> PartWriter<'o> {
    pub(super) fn new(config: &'o ScanConfig, out: &'o mut dyn Write) -> PartWriter<'o> {
        let report = match config.format {
            Format::Jsonl => Report::Lines(out),
            _ => Report::Document(Document::new(out)),
        };
        PartWriter { config, report, has_first: false }
    }

    /// Writes a part. All but the first are in order already.
    pub(super) fn add(&mut self, part: &Snapshot) -> io::Result<()> {
        let is_first = !std::mem::replace(&mut self.has_first, true);
        let sockets: Vec<&SocketEntry> = match is_first {
            true => in_order(part, self.config.arrangement.sort),
            false => part.sockets.iter().collect(),
        };
        match &mut self.report {
            Report::Document(document) => document.add(part, &sockets),
            Report::Lines(out) => write_lines(part, &sockets, out),
        }
    }

    /// Writes what is known in the end.
    pub(super) fn finish(self, rest: &Snapshot, totals: &Totals) -> io::Result<()> {
        match self.report {
            Report::Document(document) => document.finish(rest, totals, &rest.gaps),
            Report::Lines(_) => Ok(()),
        }
    }
}
