//! How fast somebody reads, in words.

use skcheck_core::watch::cause::Pace;

use crate::text::{Charset, size};

/// How fast somebody reads, as a clause without its subject.
pub(in crate::output) fn reads(pace: Pace) -> String {
    match pace {
        Pace { consumed: Some(bytes), at_least: false } => format!("reads only {}/s", size(bytes)),
        Pace { consumed: Some(bytes), at_least: true } => format!("reads at least {}/s", size(bytes)),
        Pace { consumed: None, .. } => "reads, how fast cannot be told".to_owned(),
    }
}

/// The same in a table.
pub(in crate::output) fn reads_short(pace: Pace, charset: Charset) -> String {
    let mark = if pace.at_least { charset.at_least() } else { "" };
    pace.consumed.map_or_else(|| "reads slowly".to_owned(), |bytes| format!("reads {mark}{}/s", size(bytes)))
}
