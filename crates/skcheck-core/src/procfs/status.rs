//! /proc/PID/status and /proc/PID/task/TID/status.

use procfs::FromRead;

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The process that the thread belongs to (`Tgid`).
    pub process: u32,
    /// The real user (the first of `Uid`).
    pub uid: u32,
    /// The innermost process id (the last of `NSpid`), where there is more than one.
    pub ns_pid: Option<u32>,
    /// Which thread traces the process (`TracerPid`: despite the name a thread's id); `None` for nobody.
    pub tracer: Option<u32>,
    /// The effective capabilities, a bit for each (`CapEff`).
    pub effective_capabilities: u64,
    /// How much of the process's memory is swapped out (`VmSwap`), in bytes; `None` where that does not tell,
    /// as of threads of the kernel.
    pub swapped: Option<u64>,
    /// How much of it is in memory (`VmRSS`), in bytes; `None` as above.
    pub resident: Option<u64>,
}

impl Status {
    /// Parses it; `None` where it lacks what every kernel tells. The name in it may be any bytes; the kernel
    /// escapes line ends in it.
    pub fn parse(file: &[u8]) -> Option<Status> {
        let text = String::from_utf8_lossy(file);
        let status = procfs::process::Status::from_read(text.as_bytes()).ok()?;
        let id = |id: i32| u32::try_from(id).ok();
        let ids = status.nspid.unwrap_or_default();
        Some(Status {
            process: id(status.tgid)?,
            uid: status.ruid,
            ns_pid: ids.last().copied().filter(|_| ids.len() > 1).and_then(id),
            tracer: id(status.tracerpid).filter(|tid| *tid != 0),
            effective_capabilities: status.capeff,
            swapped: status.vmswap.and_then(|kib| kib.checked_mul(1024)),
            resident: status.vmrss.and_then(|kib| kib.checked_mul(1024)),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// A program's, with these in place of its name, tracer, ids and swap.
    fn status(name: &[u8], tracer: &str, ns_pid: &str, swap: &str) -> Vec<u8> {
        let rest = format!(
            "\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4711\nNgid:\t0\nPid:\t4712\nPPid:\t1\n\
             TracerPid:\t{tracer}\nUid:\t33\t34\t35\t36\nGid:\t33\t33\t33\t33\nFDSize:\t64\nGroups:\t33 \n\
             {ns_pid}Kthread:\t0\nVmPeak:\t    9324 kB\n{swap}THP_enabled:\t1\nThreads:\t3\nSigQ:\t1/63445\n\
             SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\n\
             SigIgn:\t0000000000001000\nSigCgt:\t0000000180004003\nCapInh:\t0000000000000000\n\
             CapPrm:\t0000000000080000\nCapEff:\t0000000000080000\nCapBnd:\t000001ffffffffff\n\
             Cpus_allowed:\tffffffff,ffffffff\nCpus_allowed_list:\t0-63\n"
        );
        [b"Name:\t", name, rest.as_bytes()].concat()
    }

    #[test]
    fn a_program() {
        let file = status(
            b"a: \xff\\nUid:\t0",
            "9",
            "NSpid:\t4711\t99\t12\n",
            "VmRSS:\t      64 kB\nVmSwap:\t     120 kB\n",
        );
        let expected = Status {
            process: 4711,
            uid: 33,
            ns_pid: Some(12),
            tracer: Some(9),
            effective_capabilities: 1 << 19,
            swapped: Some(120 << 10),
            resident: Some(64 << 10),
        };
        assert_eq!(Status::parse(&file), Some(expected));
        for end in [0, 9, file.len() / 2] {
            assert_eq!(Status::parse(file.get(..end).unwrap()), None);
        }
    }

    #[test]
    fn what_is_not_told_is_absent() {
        let bare = Status::parse(&status(b"kthreadd", "0", "", "")).unwrap();
        assert_eq!((bare.tracer, bare.ns_pid, bare.swapped, bare.resident), (None, None, None, None));
        for (ids, expected) in [("4711", None), ("4711\t4711", Some(4711)), ("4711\t-1", None)] {
            let file = status(b"x\\nNSpid:\t1\t2", "0", &format!("NSpid:\t{ids}\n"), "");
            assert_eq!(Status::parse(&file).unwrap().ns_pid, expected, "{ids}");
        }
        let most = status(b"x", "0", "", "VmSwap:\t18446744073709551615 kB\n");
        assert_eq!(Status::parse(&most).unwrap().swapped, None);
    }
}
