//! What was typed behind `skcheck mem` means here.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use skcheck_core::{Bytes, memory::ledger::Ledger};

use crate::args::{DocumentFormat, MemArgs, RootArgs};
use crate::config::Measuring;
use crate::text::{Charset, Page, parse_size};

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
    pub(crate) ceiling: Ceiling,
    pub(crate) measuring: Measuring,
    pub(crate) timeout: Duration,
    pub(crate) roots: RootArgs,
    pub(crate) page: Page,
    /// Colours may say once more what glyphs and words say.
    pub(crate) color: bool,
}

/// How much may belong to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ceiling {
    /// What a ledger finds out of proportion.
    Proportion,
    Size(u64),
    /// Of all memory, in thousandths of a percent.
    Share(u64),
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
            ceiling: args.max_unaccounted.unwrap_or(Ceiling::Proportion),
            measuring: Measuring::within(&args.measuring, BUDGET),
            timeout: args.timeout.timeout,
            roots: args.roots,
            page: Page { charset, ..page },
            color: page.width.is_some() && may_color(|name| std::env::var_os(name)),
        }
    }
}

impl Ceiling {
    /// In bytes, for the memory of this ledger.
    pub(crate) fn of(self, ledger: &Ledger) -> Bytes {
        match self {
            Ceiling::Proportion => ledger.alarm(),
            Ceiling::Size(bytes) => Bytes(bytes),
            Ceiling::Share(share) => {
                let bytes = u128::from(ledger.total.0) * u128::from(share) / 100_000;
                Bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
            }
        }
    }
}

/// `2G`, or `5%` of the memory.
pub(crate) fn parse_ceiling(text: &str) -> Result<Ceiling, String> {
    let Some(number) = text.strip_suffix('%') else {
        return parse_size(text).map(Ceiling::Size).map_err(|why| format!("{why}, or 5% of the memory"));
    };
    let allowed = || "not a percentage: write 5%, or 0.5%, from 0% to 100%".to_owned();
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
        return Err(allowed());
    }
    let thousandths = format!("{whole}{decimals:0<3}").parse().map_err(|_| allowed())?;
    if thousandths > 100_000 { Err(allowed()) } else { Ok(Ceiling::Share(thousandths)) }
}

/// Whether a terminal may be written to in colour (<https://no-color.org>).
fn may_color<V: AsRef<OsStr>>(variable: impl Fn(&str) -> Option<V>) -> bool {
    let is_refused = variable("NO_COLOR").is_some_and(|value| !value.as_ref().is_empty());
    !is_refused && variable("TERM").is_some_and(|value| value.as_ref() != "dumb")
}

#[cfg(test)]
mod tests;
