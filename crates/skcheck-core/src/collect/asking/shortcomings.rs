//! What an answer about a table lacks, as gaps.

use std::io;

use crate::diag::decode::Answer;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;
use crate::model::table::Table;

/// How often a dump that was disturbed is begun anew.
pub(crate) const ATTEMPTS: u32 = 3;

/// Why a table gave nothing.
pub(crate) enum Refusal {
    /// NETLINK_SOCK_DIAG itself cannot be used here.
    SockDiag(io::Error),
    /// This table alone is missing.
    Table(Gap),
}

/// The kernel's errno where there is nobody who answers, and where a socket is gone.
pub(crate) const NOT_THERE: Option<i32> = Some(rustix::io::Errno::NOENT.raw_os_error());

pub(crate) fn is_not_there(errno: Option<i32>) -> bool {
    errno == NOT_THERE
}

/// Lines of /proc/net that could not be parsed.
pub(crate) fn proc_net_lines(table: Table, bad_lines: u64) -> Option<Gap> {
    let remedy = "a kernel newer than this program may have written them";
    (bad_lines > 0)
        .then(|| Gap::counted(Missing::Messages, Place::file(table.proc_file()), bad_lines, remedy))
}

pub(crate) fn refused(table: Table, errno: Option<i32>) -> Refusal {
    let error = io::Error::from_raw_os_error(errno.unwrap_or(0));
    let remedy = match table.module().filter(|_| error.kind() == io::ErrorKind::NotFound) {
        Some(module) => format!("load the kernel module {module} (as root: modprobe {module})"),
        None => format!("the kernel answered: {error}"),
    };
    Refusal::Table(Gap::uncounted(Missing::Table, Place::Table(table), remedy))
}

/// Adds what could not be decoded beside dumps, where that is not said of the table yet: most of it is what
/// the dump had too.
pub(crate) fn add_undecoded(gaps: &mut Vec<Gap>, undecoded: Vec<Gap>) {
    for gap in undecoded {
        if !gaps.iter().any(|known| (known.what, &known.place) == (gap.what, &gap.place)) {
            gaps.push(gap);
        }
    }
}

pub(crate) fn is_undecoded(gap: &Gap) -> bool {
    matches!(gap.what, Missing::Messages | Missing::Attributes)
}

pub(crate) fn shortcomings(table: Table, answer: &Answer, disturbed: bool) -> Vec<Gap> {
    let mut gaps = Vec::new();
    if disturbed {
        let remedy =
            format!("the table changed under {ATTEMPTS} reads: run again, or take the numbers as a sample");
        gaps.push(Gap::uncounted(Missing::Consistency, Place::Table(table), remedy));
    }
    let newer = "a kernel newer than this program may have sent them: look for a newer release";
    if answer.bad_messages > 0 {
        gaps.push(Gap::counted(Missing::Messages, Place::Table(table), answer.bad_messages, newer));
    }
    if answer.bad_attributes > 0 {
        gaps.push(Gap::counted(Missing::Attributes, Place::Table(table), answer.bad_attributes, newer));
    }
    gaps
}
