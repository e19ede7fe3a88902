//! Notes what could not be read of a process.

use std::io;

use crate::watch::evidence::process::{ProcessEvidence, UnreadablePart};

/// Notes what could not be read: it may not be, or nobody answered.
pub(crate) fn refused(found: &mut ProcessEvidence, error: &io::Error, what: UnreadablePart) {
    miss(found, if error.kind() == io::ErrorKind::TimedOut { UnreadablePart::NoAnswer } else { what });
}

pub(crate) fn miss(found: &mut ProcessEvidence, what: UnreadablePart) {
    if !found.missing.contains(&what) {
        found.missing.push(what);
    }
}
