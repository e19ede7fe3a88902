//! Why BPF cannot be used here.

use std::fmt::Display;
use std::io;

use aya::maps::MapError;
use aya::programs::ProgramError;
use aya::{BtfError, EbpfError};

const PRIVILEGE: &str = "run as root, or grant CAP_BPF and CAP_PERFMON";
const KERNEL: &str = "it takes Linux 5.17 or newer, built with CONFIG_DEBUG_INFO_BTF";

/// Why BPF cannot be used here.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct Error {
    context: String,
    remedy: &'static str,
}

impl Error {
    /// What the reader can do about it, as an instruction.
    pub fn remedy(&self) -> &str {
        self.remedy
    }

    pub(crate) fn no_btf(error: &BtfError) -> Error {
        Error { context: format!("no BTF of this kernel: {}", chain(error)), remedy: KERNEL }
    }

    /// The maps of an object could not be made.
    pub(crate) fn object(error: &EbpfError) -> Error {
        Error::refused("maps", error)
    }

    /// A map could not be used.
    pub(crate) fn map(error: &MapError) -> Error {
        Error::refused("map", error)
    }

    /// An object lacks a map or a program: only a defect of this crate explains that.
    pub(crate) fn missing(name: &str) -> Error {
        Error { context: format!("no {name} in its object"), remedy: KERNEL }
    }

    /// The kernel refused a program.
    pub(crate) fn program(name: &str, error: &ProgramError) -> Error {
        if let ProgramError::LoadError { io_error, verifier_log } = error {
            let log = verifier_log.to_string();
            let context = format!("the kernel refused program {name}: {io_error}: {}", reason(&log));
            let remedy = if is_refusal(io_error) && log.is_empty() { PRIVILEGE } else { KERNEL };
            return Error { context, remedy };
        }
        Error::refused(name, error)
    }

    fn refused(what: &str, error: &(dyn std::error::Error + 'static)) -> Error {
        let mut cause = Some(error);
        let mut refused = false;
        while let Some(error) = cause {
            refused |= error.downcast_ref::<io::Error>().is_some_and(is_refusal);
            cause = error.source();
        }
        let context = format!("{what}: {}", chain(error));
        Error { context, remedy: if refused { PRIVILEGE } else { KERNEL } }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::other(error)
    }
}

/// Something that only a defect of this crate explains.
pub(crate) fn defect(what: impl Display) -> io::Error {
    io::Error::other(format!("unexpected: {what}"))
}

/// The last lines of the verifier's log say why; behind them are statistics.
fn reason(log: &str) -> String {
    const STATISTICS: [&str; 3] = ["verification time", "stack depth", "processed"];
    let is_reason = |line: &&str| !line.is_empty() && !STATISTICS.iter().any(|word| line.starts_with(word));
    let lines: Vec<&str> = log.lines().map(str::trim).filter(is_reason).collect();
    lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join("; ")
}

fn is_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// An error and what caused it, on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
