//! What the files of /proc and of cgroups say of a process, from bytes to plain data. Pure, and total: no
//! bytes make any of it panic.

pub mod cgroup;
pub mod fdinfo;
pub mod mounts;
pub mod syscall;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

use std::time::Duration;

pub use crate::procfs::task::wchan;
pub use crate::procfs::thread::fdinfo::interests;
pub use crate::procfs::thread::mounts::{device_of_mount, mount};
pub use crate::procfs::thread::syscall::syscall;

use crate::procfs::number::parse_number;
use crate::procfs::status::number_in_status;

/// What /proc/PID/stat and /proc/PID/task/TID/stat say (`do_task_stat`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// The name (field 2): any bytes, blanks and parentheses among them.
    pub comm: Vec<u8>,
    /// The state (field 3): `R`, `S`, `D`, `T`, `t`, `Z`, ...
    pub state: u8,
    /// The parent (field 4); 0 for none that this pid namespace shows.
    pub parent: u32,
    /// Pages that it had to wait for, since they were in no memory (field 12, `maj_flt`): a count, the whole
    /// process's in /proc/PID/stat, the thread's in /proc/PID/task/TID/stat.
    pub major_faults: u64,
    /// Processor time in clock ticks, `utime` and `stime` (fields 14 and 15): the whole process's in
    /// /proc/PID/stat, the thread's in /proc/PID/task/TID/stat.
    pub ticks: u64,
    /// How many threads the process has (field 20): a count.
    pub threads: u64,
    /// When the thread started (field 22), in clock ticks since boot.
    pub start_time: u64,
}

/// Parses a `stat` of a process or a thread; `None` where it is none.
pub fn stat(file: &[u8]) -> Option<Stat> {
    // The name may hold anything: it begins at the first parenthesis and ends at the last.
    let open = file.iter().position(|&b| b == b'(')?;
    let close = file.iter().rposition(|&b| b == b')')?;
    let comm = file.get(open + 1..close)?.to_vec();
    let words: Vec<&[u8]> = words(file.get(close + 1..)?).collect();
    // The first word behind the name is field 3.
    let word = |number: usize| words.get(number.checked_sub(3)?).copied();
    let number = |at: usize| word(at).and_then(decimal);
    let state = word(3).filter(|state| state.len() == 1)?;
    Some(Stat {
        comm,
        state: *state.first()?,
        parent: word(4).and_then(parse_number)?,
        major_faults: number(12)?,
        ticks: number(14)?.saturating_add(number(15)?),
        threads: number(20)?,
        start_time: number(22)?,
    })
}

/// What /proc/PID/task/TID/schedstat says (`proc_pid_schedstat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Turns {
    /// How long the thread ran.
    pub ran: Duration,
    /// How long it waited for a processor.
    pub waited: Duration,
    /// How often it was put on one: a count.
    pub runs: u64,
}

/// Parses a `schedstat`; `None` where the kernel does not count: it then says 0, and who is there has run.
pub fn schedstat(file: &[u8]) -> Option<Turns> {
    let mut numbers = words(file).map(decimal);
    let mut nanoseconds = || numbers.next()?.map(Duration::from_nanos);
    let (ran, waited) = (nanoseconds()?, nanoseconds()?);
    let runs = numbers.next()?.filter(|runs| *runs > 0)?;
    Some(Turns { ran, waited, runs })
}

/// Which thread traces the process (`TracerPid:` of /proc/PID/status: despite the name a thread's id);
/// `None` for nobody.
pub fn tracer(status: &[u8]) -> Option<u32> {
    number_in_status(status, b"TracerPid:").filter(|tid| *tid != 0)
}

/// How much of the process's memory is swapped out (`VmSwap:` of /proc/PID/status), in bytes; `None` where
/// that does not tell.
pub fn swapped(status: &[u8]) -> Option<u64> {
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"VmSwap:"))?;
    decimal(words(line).next()?)?.checked_mul(1024)
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn decimal(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// A number in hexadecimal, without a prefix.
fn hexadecimal(word: &[u8]) -> Option<u64> {
    // from_str_radix takes a sign.
    let first = word.first()?;
    if !first.is_ascii_hexdigit() {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()
}
