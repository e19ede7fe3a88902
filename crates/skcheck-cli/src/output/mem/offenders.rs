//! The descriptors that stand first, as lines.

use skcheck_core::verdict::Suspect;
use skcheck_core::{Holder, Holding};

use crate::config::Page;
use crate::output::layout::{Align, grid};
use crate::text::{Charset, escape, fit, size};

/// How many are shown.
const SHOWN: usize = 5;

/// Columns of a name.
const NAME: usize = 24;

/// Who holds it, and at which descriptor.
fn process(suspect: &Suspect, charset: Charset) -> (String, String) {
    let Some(Holder { pid, fd, .. }) = suspect.holder else {
        return (unheld(suspect.holding).to_owned(), "-".to_owned());
    };
    let comm = suspect.comm.as_deref().map_or_else(|| "?".to_owned(), |comm| escape(comm, charset));
    (format!("{} {pid}", fit(&comm, NAME, charset)), fd.to_string())
}

const HEADINGS: [(&str, Align); 6] = [
    ("PROCESS", Align::Left),
    ("FD", Align::Right),
    ("UNREAD", Align::Right),
    ("CHARGED", Align::Right),
    ("PINNED", Align::Right),
    ("WORST", Align::Right),
];

/// The heaviest first; what is unknown is `?`.
pub(super) fn lines(suspects: &[Suspect], page: Page) -> Vec<String> {
    if suspects.is_empty() {
        return Vec::new();
    }
    let known = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), size);
    let row = |suspect: &Suspect| {
        let (process, fd) = process(suspect, page.charset);
        [
            process,
            fd,
            known(suspect.unread.map(|unread| unread.0)),
            known(suspect.charged.map(|charged| charged.0)),
            known(suspect.pinned.map(|pinned| pinned.0)),
            known(suspect.worst.map(|worst| worst.0)),
        ]
    };
    let rows: Vec<[String; 6]> = suspects.iter().take(SHOWN).map(row).collect();
    let mut lines = grid(&HEADINGS, &rows, page);
    let more = suspects.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("{more} more (skcheck shows all)."));
    }
    lines
}

/// Who has a socket that no descriptor holds.
pub(super) fn unheld(holding: Holding) -> &'static str {
    match holding {
        Holding::Orphan => "(orphaned)",
        Holding::Hidden => "(hidden process)",
        Holding::AwaitingAccept { .. } => "(waiting for accept)",
        _ => "(kernel, in flight)",
    }
}
