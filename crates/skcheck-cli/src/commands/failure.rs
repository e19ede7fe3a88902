//! How a command ends: what it returns, or why it could not do its work.

use std::fmt;
use std::io;
use std::path::Path;

use skcheck_core::Gap;

use crate::text::{Charset, escape};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The exit code.
    pub(crate) code: u8,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There is no report.
    #[error("{0}\n{gaps}", gaps = Remedies(.0.gaps()))]
    Scan(#[from] skcheck_core::Error),
    /// What was typed names nothing that is there.
    #[error("{0}\n")]
    Misuse(String),
    /// The report could not be written.
    #[error("cannot write to standard output: {0}\n")]
    Output(#[source] io::Error),
    /// What was asked for cannot be done here.
    #[error("{what}\n  {remedy}\n")]
    Cannot {
        /// What happened, to what.
        what: String,
        /// What to do about it.
        remedy: String,
    },
}

impl Failure {
    /// Whether whoever read the output has had enough of it: no failure at all.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// An option that names nothing that is there.
pub(super) fn misuse(option: &'static str, path: &Path, why: &str) -> Failure {
    let path = escape(path.as_os_str().as_encoded_bytes(), Charset::Ascii);
    Failure::Misuse(format!("{option}: {path}: {why}"))
}

/// One line for each gap's remedy.
struct Remedies<'a>(&'a [Gap]);

impl fmt::Display for Remedies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let safe = |text: &str| escape(text.as_bytes(), Charset::Ascii);
        self.0
            .iter()
            .try_for_each(|gap| writeln!(f, "  {}: {}", safe(&gap.place.to_string()), safe(&gap.remedy)))
    }
}
