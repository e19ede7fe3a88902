//! The descriptors that stand first, as lines.

use skcheck_core::verdict::HeavySocket;
use skcheck_core::{Bytes, Holding};

use crate::config::Page;
use crate::output::layout::{Align, grid};
use crate::text::{Charset, escape, fit, size};

/// How many are shown.
const SHOWN: usize = 5;

/// Columns of a name.
const NAME: usize = 24;

/// Who holds it, and at which descriptor.
fn process(suspect: &HeavySocket, charset: Charset) -> (String, String) {
    let Some(holder) = suspect.holder else {
        return (unheld(suspect.holding).to_owned(), "-".to_owned());
    };
    let comm = suspect.comm.as_deref().map_or_else(|| "?".to_owned(), |comm| escape(comm, charset));
    let fd = holder.number().map_or_else(|| "-".to_owned(), |fd| fd.to_string());
    (format!("{} {}", fit(&comm, NAME, charset), holder.pid), fd)
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
pub(super) fn lines(suspects: &[HeavySocket], page: Page) -> Vec<String> {
    if suspects.is_empty() {
        return Vec::new();
    }
    let known = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), size);
    let rings = |suspect: &HeavySocket| known(suspect.rings.map(|rings| rings.0));
    let row = |suspect: &HeavySocket| {
        let (process, fd) = process(suspect, page.charset);
        [
            process,
            fd,
            known(suspect.unread.map(|unread| unread.0)),
            known(suspect.charged.map(|charged| charged.0)),
            match suspect.pinned {
                Some(pinned) if suspect.pinned_is_floor => {
                    format!("{}{}", page.charset.at_least(), size(pinned.0))
                }
                pinned => known(pinned.map(|pinned| pinned.0)),
            },
            known(suspect.worst.map(|worst| worst.0)),
        ]
    };
    let shown = || suspects.iter().take(SHOWN);
    // Few have any.
    let mut lines = if shown().any(|suspect| suspect.rings != Some(Bytes(0))) {
        let [process, fd, unread, charged, pinned, worst] = HEADINGS;
        let headings = [process, fd, unread, charged, pinned, worst, ("RINGS", Align::Right)];
        let with_rings = |suspect: &HeavySocket| {
            let [process, fd, unread, charged, pinned, worst] = row(suspect);
            [process, fd, unread, charged, pinned, worst, rings(suspect)]
        };
        grid(&headings, &shown().map(with_rings).collect::<Vec<_>>(), page)
    } else {
        grid(&HEADINGS, &shown().map(row).collect::<Vec<_>>(), page)
    };
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
