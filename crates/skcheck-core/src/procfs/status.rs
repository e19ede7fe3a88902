//! /proc/PID/status and /proc/PID/task/TID/status.

use procfs::FromRead;

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The process that the thread belongs to (`Tgid`).
    pub process: u32,
    /// Whether it is a thread of the kernel: one has no memory of its own and no descriptors, whoever asks.
    pub is_of_kernel: bool,
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
        let is_of_kernel = is_of_kernel(file, &status);
        let ids = status.nspid.unwrap_or_default();
        Some(Status {
            process: id(status.tgid)?,
            is_of_kernel,
            uid: status.ruid,
            ns_pid: ids.last().copied().filter(|_| ids.len() > 1).and_then(id),
            tracer: id(status.tracerpid).filter(|tid| *tid != 0),
            effective_capabilities: status.capeff,
            swapped: status.vmswap.and_then(|kib| kib.checked_mul(1024)),
            resident: status.vmrss.and_then(|kib| kib.checked_mul(1024)),
        })
    }
}

/// Since Linux 6.11 a line tells (`Kthread`). Before, it is one without memory (`VmSize`) that is kthreadd or
/// a child of it; children that execute a program (`call_usermodehelper`) have memory, until they end.
fn is_of_kernel(file: &[u8], status: &procfs::process::Status) -> bool {
    const KTHREADD: i32 = 2;
    let mut lines = file.split(|byte| *byte == b'\n');
    if let Some(told) = lines.find_map(|line| line.strip_prefix(b"Kthread:")) {
        return told.trim_ascii() == b"1";
    }
    let is_kthreadd = (status.pid, status.ppid) == (KTHREADD, 0);
    let has_ended = status.state.starts_with(['Z', 'X']);
    status.vmsize.is_none() && !has_ended && (is_kthreadd || status.ppid == KTHREADD)
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
             {ns_pid}Kthread:\t0\nVmPeak:\t    9324 kB\nVmSize:\t    9324 kB\n{swap}THP_enabled:\t1\nThreads:\t3\nSigQ:\t1/63445\n\
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
            is_of_kernel: false,
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
    fn threads_of_the_kernel() {
        let check = |changes: &[(&str, &str)], expected: bool| {
            let mut file = String::from_utf8(status(b"x", "0", "", "")).unwrap();
            for (line, other) in changes {
                assert!(file.contains(line), "{line}");
                file = file.replace(line, other);
            }
            assert_eq!(Status::parse(file.as_bytes()).unwrap().is_of_kernel, expected, "{changes:?}");
        };
        let (told, old) = (("Kthread:\t0\n", "Kthread:\t1\n"), ("Kthread:\t0\n", ""));
        let (child, bare) =
            (("PPid:\t1\n", "PPid:\t2\n"), ("VmPeak:\t    9324 kB\nVmSize:\t    9324 kB\n", ""));
        let kthreadd = [("Pid:\t4712\nPPid:\t1\n", "Pid:\t2\nPPid:\t0\n"), bare, old];
        check(&[], false);
        check(&[told], true);
        check(&[child, bare], false);
        check(&[child, bare, old], true);
        check(&[child, bare, old, ("State:\tS (sleeping)", "State:\tZ (zombie)")], false);
        check(&[child, old], false);
        check(&[bare, old], false);
        check(&kthreadd, true);
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
