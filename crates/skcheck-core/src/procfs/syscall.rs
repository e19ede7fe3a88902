//! /proc/PID/task/TID/syscall (`proc_pid_syscall`).

use crate::procfs::number::{hexadecimal, words};

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syscall {
    /// It runs, on a processor or waiting for one.
    Running,
    /// It is blocked, and in no system call.
    None,
    /// It is blocked in this one.
    In {
        /// What it does, where that matters here.
        call: Call,
        /// Its number on this architecture.
        number: u64,
        /// Its arguments.
        arguments: [u64; 6],
    },
}

/// No program has more descriptors in a set of select; below this nothing is mapped (`vm.mmap_min_addr`).
const MOST_SELECTED: u64 = 4096;

impl Syscall {
    /// Parses it: `running`, `-1 SP PC`, or a number, six arguments, SP and PC.
    ///
    /// A program of 32 bits numbers its calls in another way, which the file does not tell; its stack lies
    /// below 4 GiB, where that of no other program is usually: its calls are [`Call::Other`].
    pub(crate) fn parse(file: &[u8], machine: Machine) -> Option<Syscall> {
        let mut words = words(file);
        let number = match words.next()? {
            b"running" => return Some(Syscall::Running),
            b"-1" => return Some(Syscall::None),
            number => std::str::from_utf8(number).ok()?.parse().ok()?,
        };
        let mut next = || hexadecimal(words.next()?.strip_prefix(b"0x")?);
        let arguments = [next()?, next()?, next()?, next()?, next()?, next()?];
        let is_32_bit = next().is_some_and(|stack| u32::try_from(stack).is_ok());
        let call = match machine.waits(number, &arguments) {
            _ if is_32_bit => Call::Other,
            Some((0, is_forever)) => {
                if is_forever {
                    Call::Signal
                } else {
                    Call::Sleep
                }
            }
            _ => machine.call(number),
        };
        Some(Syscall::In { call, number, arguments })
    }

    /// The call, and the descriptor that it is made on.
    pub fn on(self) -> Option<(Call, u32)> {
        let Syscall::In { call, arguments: [first, ..], .. } = self else { return None };
        let takes_one = matches!(
            call,
            Call::Read | Call::Write | Call::EpollWait | Call::Accept | Call::Connect | Call::File
        );
        // An int: the upper half of the register is anything.
        let fd = u32::try_from(first & u64::from(u32::MAX)).ok()?;
        takes_one.then_some((call, fd))
    }

    /// The highest descriptor that select waits for. The first argument of poll is an address.
    pub fn highest_selected(self) -> Option<u32> {
        let Syscall::In { call: Call::Poll, arguments: [number @ 1..=MOST_SELECTED, ..], .. } = self else {
            return None;
        };
        u32::try_from(number - 1).ok()
    }
}

/// System calls that tell something about reading and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// read, readv, recvfrom, recvmsg, ...: the first argument is a descriptor.
    Read,
    /// write, writev, sendto, sendmsg, sendfile, ...: the first argument is a descriptor.
    Write,
    /// epoll_wait and its kin: the first argument is the epoll set.
    EpollWait,
    /// poll, select and their kin, on one descriptor at least.
    Poll,
    /// accept: the first argument is the listener.
    Accept,
    /// connect: the first argument is a descriptor.
    Connect,
    /// fsync, fstat, getdents, ftruncate, ...: the first argument is the descriptor of a file.
    File,
    /// futex: waits for another thread.
    Futex,
    /// nanosleep and its kin, and poll and select without a descriptor, for a time.
    Sleep,
    /// wait4, waitid: waits for a child.
    Wait,
    /// Waits for a signal: pause, poll without a descriptor and for ever (which pause is on arm64), and their kin.
    Signal,
    /// Another.
    Other,
}

/// Whose numbers the system calls have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Machine {
    /// x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
    X86_64,
    /// Those that share one table: arm64, riscv, loongarch (asm-generic/unistd.h).
    Generic,
    /// Another: every call is [`Call::Other`].
    Unknown,
}

impl Machine {
    /// The one that this program was built for.
    pub const THIS: Machine = if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
        Machine::X86_64
    } else if cfg!(any(target_arch = "aarch64", target_arch = "riscv64", target_arch = "loongarch64")) {
        Machine::Generic
    } else {
        Machine::Unknown
    };

    /// How many descriptors poll or select looks at (of select it is the highest number, and one more), and whether for
    /// ever.
    fn waits(self, number: u64, arguments: &[u64; 6]) -> Option<(u32, bool)> {
        // An int: the upper half of the register is anything.
        let int = |argument: u64| u32::try_from(argument & u64::from(u32::MAX)).unwrap_or_default();
        let [first, second, third, _, fifth, _] = *arguments;
        Some(match (self, number) {
            // poll, whose timeout is a number
            (Machine::X86_64, 7) => (int(second), int(third).cast_signed() < 0),
            // ppoll
            (Machine::X86_64, 271) | (Machine::Generic, 73) => (int(second), third == 0),
            // select, pselect6
            (Machine::X86_64, 23 | 270) | (Machine::Generic, 72) => (int(first), fifth == 0),
            _ => return None,
        })
    }

    fn call(self, number: u64) -> Call {
        match self {
            Machine::X86_64 => x86_64(number),
            Machine::Generic => generic(number),
            Machine::Unknown => Call::Other,
        }
    }
}

fn x86_64(number: u64) -> Call {
    match number {
        // read, pread64, readv, recvfrom, recvmsg, preadv, recvmmsg, preadv2
        0 | 17 | 19 | 45 | 47 | 295 | 299 | 327 => Call::Read,
        // write, pwrite64, writev, sendfile, sendto, sendmsg, pwritev, sendmmsg, pwritev2
        1 | 18 | 20 | 40 | 44 | 46 | 296 | 307 | 328 => Call::Write,
        // epoll_wait, epoll_pwait, epoll_pwait2
        232 | 281 | 441 => Call::EpollWait,
        // poll, select, pselect6, ppoll
        7 | 23 | 270 | 271 => Call::Poll,
        // accept, accept4
        43 | 288 => Call::Accept,
        42 => Call::Connect,
        // fstat, lseek, fcntl, flock, fsync, fdatasync, ftruncate, getdents, fchmod, fchown, getdents64,
        // sync_file_range, fallocate, syncfs, copy_file_range
        5 | 8 | 72..=75 | 77 | 78 | 91 | 93 | 217 | 277 | 285 | 306 | 326 => Call::File,
        // futex, futex_waitv, futex_wait
        202 | 449 | 455 => Call::Futex,
        // nanosleep, clock_nanosleep
        35 | 230 => Call::Sleep,
        // wait4, waitid
        61 | 247 => Call::Wait,
        // pause, rt_sigtimedwait, rt_sigsuspend
        34 | 128 | 130 => Call::Signal,
        _ => Call::Other,
    }
}

fn generic(number: u64) -> Call {
    match number {
        // read, readv, pread64, preadv, recvfrom, recvmsg, recvmmsg, preadv2
        63 | 65 | 67 | 69 | 207 | 212 | 243 | 286 => Call::Read,
        // write, writev, pwrite64, pwritev, sendfile, sendto, sendmsg, sendmmsg, pwritev2
        64 | 66 | 68 | 70 | 71 | 206 | 211 | 269 | 287 => Call::Write,
        // epoll_pwait, epoll_pwait2
        22 | 441 => Call::EpollWait,
        // pselect6, ppoll
        72 | 73 => Call::Poll,
        // accept, accept4
        202 | 242 => Call::Accept,
        203 => Call::Connect,
        // fcntl, flock, ftruncate, fallocate, fchmod, fchown, getdents64, lseek, fstat, fsync, fdatasync,
        // sync_file_range, syncfs, copy_file_range
        25 | 32 | 46 | 47 | 52 | 55 | 61 | 62 | 80 | 82..=84 | 267 | 285 => Call::File,
        // futex, futex_waitv, futex_wait
        98 | 449 | 455 => Call::Futex,
        // nanosleep, clock_nanosleep
        101 | 115 => Call::Sleep,
        // waitid, wait4
        95 | 260 => Call::Wait,
        // rt_sigsuspend, rt_sigtimedwait
        133 | 137 => Call::Signal,
        _ => Call::Other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
