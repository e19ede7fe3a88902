//! What was typed behind `skcheck mem` means here.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use skcheck_core::Bytes;
use skcheck_core::memory::Ledger;

use crate::args::values::Ceiling;
use crate::args::{DocumentFormat, MemArgs};
use crate::config::measuring::Measuring;
use crate::config::roots::Roots;
use crate::text::{Charset, Page};

/// How long measuring may take, unless told otherwise: whoever asks where the memory is, waits for that.
const BUDGET: Duration = Duration::from_secs(2);

/// One look at the memory.
#[derive(Debug, Clone)]
pub(crate) struct MemConfig {
    /// Every page is counted.
    pub(crate) pages: bool,
    /// The cgroup to look at instead of the host.
    pub(crate) cgroup: Option<Vec<u8>>,
    pub(crate) format: DocumentFormat,
    pub(crate) exit_code: bool,
    ceiling: Option<Ceiling>,
    pub(crate) measuring: Measuring,
    pub(crate) timeout: Duration,
    pub(crate) roots: Roots,
    pub(crate) page: Page,
    /// Colours may say once more what glyphs and words say.
    pub(crate) color: bool,
}

impl MemConfig {
    /// What these arguments mean.
    pub(crate) fn new(args: MemArgs, page: Page) -> MemConfig {
        let charset = if args.ascii { Charset::Ascii } else { page.charset };
        MemConfig {
            pages: args.pages,
            cgroup: args.cgroup.map(OsString::into_vec),
            format: args.format,
            exit_code: args.exit_code,
            ceiling: args.max_unaccounted,
            measuring: Measuring::within(&args.measuring, BUDGET),
            timeout: args.timeout.timeout,
            roots: args.roots.into(),
            page: Page { charset, ..page },
            color: page.width.is_some() && may_color(|name| std::env::var_os(name)),
        }
    }

    /// How much of the memory of this ledger may belong to nobody.
    pub(crate) fn ceiling(&self, ledger: &Ledger) -> Bytes {
        ceiling(self.ceiling, ledger)
    }
}

/// How much of the memory of this ledger may belong to nobody: so much, or what a ledger finds in proportion.
fn ceiling(typed: Option<Ceiling>, ledger: &Ledger) -> Bytes {
    match typed {
        None => ledger.alarm(),
        Some(Ceiling::Size(bytes)) => Bytes(bytes),
        Some(Ceiling::Share(share)) => {
            let bytes = u128::from(ledger.total.0) * u128::from(share) / 100_000;
            Bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
        }
    }
}

/// Whether a terminal may be written to in colour (<https://no-color.org>).
fn may_color<V: AsRef<OsStr>>(variable: impl Fn(&str) -> Option<V>) -> bool {
    let is_refused = variable("NO_COLOR").is_some_and(|value| !value.as_ref().is_empty());
    !is_refused && variable("TERM").is_some_and(|value| value.as_ref() != "dumb")
}

#[cfg(test)]
mod tests;
