//! /proc/PID/stat and /proc/PID/task/TID/stat (`do_task_stat`).

use crate::procfs::number::{decimal, parse_number, words};

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// The name (field 2): any bytes, blanks and parentheses among them.
    pub comm: Vec<u8>,
    /// The state (field 3): `R`, `S`, `D`, `T`, `t`, `Z`, ...
    pub state: u8,
    /// The parent (field 4); 0 for none that this pid namespace shows.
    pub parent: u32,
    /// The kernel's flags of the task (field 9, `PF_*`).
    pub flags: u64,
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

impl Stat {
    /// Parses it; `None` where it is none.
    pub fn parse(file: &[u8]) -> Option<Stat> {
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
            flags: number(9)?,
            major_faults: number(12)?,
            ticks: number(14)?.saturating_add(number(15)?),
            threads: number(20)?,
            start_time: number(22)?,
        })
    }

    /// Whether it is a thread of the kernel.
    pub fn is_of_kernel(&self) -> bool {
        const PF_KTHREAD: u64 = 0x0020_0000;
        self.flags & PF_KTHREAD != 0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn stats() {
        let check = |file: &str, expected: Option<(&str, u8, u32, u64, u64, u64)>| {
            let found = Stat::parse(file.as_bytes());
            let expected = expected.map(|(comm, state, parent, ticks, threads, start_time)| Stat {
                comm: comm.as_bytes().to_vec(),
                state,
                parent,
                flags: 4_194_304,
                major_faults: 6,
                ticks,
                threads,
                start_time,
            });
            assert_eq!(found, expected, "{file}");
        };
        let rest = "1 24865 13402 0 -1 4194304 101 0 6 0 12 30 0 0 20 0 3 0 1499942 2998272 416";
        check(&format!("24876 (head) R {rest}\n"), Some(("head", b'R', 1, 42, 3, 1_499_942)));
        // The name is the process's own choice.
        check(&format!("7 (a) Z 9 (b) t {rest}\n"), Some(("a) Z 9 (b", b't', 1, 42, 3, 1_499_942)));
        check(&format!("7 (x\ny) D {rest}\n"), Some(("x\ny", b'D', 1, 42, 3, 1_499_942)));
        check(&format!("7 () S {rest}"), Some(("", b'S', 1, 42, 3, 1_499_942)));
        for bad in ["", "7", "7 (a", "7 )a(", "7 (a)", "7 (a) S 1", &format!("7 (a) SS {rest}")] {
            check(bad, None);
        }
    }

    #[test]
    fn threads_of_the_kernel() {
        let stat = |flags: u32| format!("2 (kthreadd) S 0 0 0 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 7 0 0");
        assert!(Stat::parse(stat(0x0020_8040).as_bytes()).unwrap().is_of_kernel());
        assert!(!Stat::parse(stat(0x0040_0100).as_bytes()).unwrap().is_of_kernel());
    }
}
