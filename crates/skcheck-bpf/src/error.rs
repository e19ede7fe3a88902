//! Why BPF cannot be used here, and what helps.

use std::fmt::{self, Display};
use std::io;

use aya::maps::MapError;
use aya::programs::ProgramError;
use aya::{BtfError, EbpfError};
use rustix::io::Errno;
use rustix::thread::CapabilitySet;
use skcheck_core::Live;
use skcheck_core::host::worker::Trouble;
use skcheck_core::host::{Budget, Release, is_confidential};

/// Why BPF cannot be used here.
///
/// `{}` says it in words, and so does `{:?}`, which is what a `main` shows that returns this error: there with what
/// would help. `{:#?}` shows the parts.
#[derive(Clone, thiserror::Error)]
#[error("{context}")]
pub struct Error {
    context: String,
    kind: Kind,
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { context, kind } = self;
        if f.alternate() {
            return f.debug_struct("Error").field("kind", kind).field("context", context).finish();
        }
        write!(f, "{context}; {}", self.remedy())
    }
}

/// What keeps BPF from being used, coarsely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The caller may not.
    Privilege,
    /// Nobody may look into the kernel's memory: `lockdown=confidentiality`.
    Lockdown,
    /// The kernel does not tell the layout of its structures.
    NoBtf,
    /// The kernel lacks something that a later one has.
    TooOld,
    /// The kernel's verifier refuses a program for another reason.
    Verifier,
    /// There is not enough memory.
    Memory,
    /// No more files can be opened.
    Descriptors,
    /// No more threads can be had.
    Threads,
    /// The kernel did not come back from it in time.
    Stuck,
    /// Only a defect of this crate explains it.
    Defect,
}

/// Lists the variants of an enumeration, and lets the compiler say which is missing.
macro_rules! all_of {
    ($name:ident: $($variant:ident),+ $(,)?) => {{
        let _ = |it: $name| match it {
            $($name::$variant => {})+
        };
        [$($name::$variant),+]
    }};
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Kind; 10] = all_of!(
        Kind: Defect, Stuck, Privilege, Lockdown, NoBtf, TooOld, Verifier, Memory, Descriptors, Threads,
    );

    fn remedy(self) -> &'static str {
        match self {
            Kind::Privilege => "run as root, or grant CAP_BPF and CAP_PERFMON",
            Kind::Lockdown => {
                "the kernel is locked down (lockdown=confidentiality): boot with lockdown=integrity to have packets measured"
            }
            Kind::NoBtf => "it takes a kernel built with CONFIG_DEBUG_INFO_BTF (/sys/kernel/btf/vmlinux)",
            Kind::TooOld => "it takes Linux 5.10 or newer, and --lock 5.17",
            Kind::Verifier => {
                "this kernel is not known yet: report it, with this line and the output of uname -r"
            }
            Kind::Memory => "free memory, or raise the limit (ulimit -v, ulimit -l, or the cgroup's)",
            Kind::Descriptors => {
                "raise the limit of open files (ulimit -n; sysctl fs.file-max for the host's)"
            }
            Kind::Threads => "raise the limit of threads (ulimit -u, pids.max)",
            Kind::Stuck => "run again, with a longer --timeout if that was over",
            Kind::Defect => "report it: it is a defect",
        }
    }

    /// What an error number says.
    fn of(errno: Errno) -> Option<Kind> {
        Some(match errno {
            Errno::PERM | Errno::ACCESS => Kind::Privilege,
            Errno::NOMEM => Kind::Memory,
            Errno::MFILE | Errno::NFILE => Kind::Descriptors,
            Errno::AGAIN => Kind::Threads,
            Errno::NOSYS | Errno::OPNOTSUPP => Kind::TooOld,
            _ => return None,
        })
    }
}

impl Error {
    /// What keeps BPF from being used.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the reader can do about it, as an instruction.
    pub fn remedy(&self) -> &str {
        self.kind.remedy()
    }

    pub(crate) fn new(kind: Kind, context: impl Into<String>) -> Error {
        Error { context: context.into(), kind }
    }

    pub(crate) fn no_btf(error: &BtfError) -> Error {
        let kind = kind_of(error).unwrap_or(Kind::NoBtf);
        Error { context: format!("no BTF of this kernel: {}", chain(error)), kind }
    }

    /// There is no process to load programs in.
    pub(crate) fn no_process(error: &io::Error) -> Error {
        Error {
            context: format!("no process for the engine: {error}"),
            kind: kind_of(error).unwrap_or(Kind::Threads),
        }
    }

    /// The engine's process did not come back.
    pub(crate) fn no_answer(trouble: &Trouble, budget: &Budget) -> Error {
        match trouble {
            Trouble::Over | Trouble::Ended(_) if budget.is_ended() => {
                Error::new(Kind::Stuck, "told to end before it was there")
            }
            Trouble::Ended(ending) => {
                let kind = if ending.may_lack_memory() { Kind::Memory } else { Kind::Defect };
                Error::new(kind, format!("the engine's process has ended ({})", ending.how))
            }
            Trouble::Stuck { wchan } => {
                let wchan = wchan.as_deref().unwrap_or("the kernel");
                Error::new(
                    Kind::Stuck,
                    format!("the engine's process does not come back; it waits in {wchan}"),
                )
            }
            Trouble::Over => Error::new(Kind::Stuck, "there was no time left for it"),
            Trouble::Refused(error) => Error::new(Kind::Defect, error.to_string()),
            _ => Error::new(Kind::Defect, "the engine's process is in trouble"),
        }
    }

    /// The maps of an object could not be made.
    pub(crate) fn object(error: &EbpfError) -> Error {
        let error = Error::refused("maps", error);
        match memlock().filter(|_| error.kind == Kind::Privilege && may_load()) {
            Some(limit) => Error::new(
                Kind::Memory,
                format!(
                    "before Linux 5.11 maps are locked memory, of which {limit} B may be had (ulimit -l)"
                ),
            ),
            None => error,
        }
    }

    /// A map could not be used.
    pub(crate) fn map(error: &MapError) -> Error {
        Error::refused("map", error)
    }

    /// An object lacks a map or a program: only a defect of this crate explains that.
    pub(crate) fn missing(name: &str) -> Error {
        Error::new(Kind::Defect, format!("no {name} in its object"))
    }

    /// The kernel refused a program.
    pub(crate) fn program(name: &str, error: &ProgramError) -> Error {
        match error {
            ProgramError::LoadError { io_error, verifier_log } => {
                let error = Error::load(name, io_error, &verifier_log.to_string());
                if error.kind == Kind::Privilege && is_confidential(&Live::new()) {
                    return Error { kind: Kind::Lockdown, ..error };
                }
                error
            }
            // It iterates over something that this kernel has no iterator for.
            ProgramError::Btf(BtfError::UnknownBtfTypeName { .. }) => {
                Error::new(Kind::TooOld, format!("{name}: {}", chain(error)))
            }
            _ => Error::refused(name, error),
        }
    }

    fn load(name: &str, error: &io::Error, log: &str) -> Error {
        let reason = reason(log);
        let kind = if log.is_empty() { kind_of(error) } else { kind_of_reason(reason) };
        let said = if reason.is_empty() { error.to_string() } else { reason.to_owned() };
        let context = format!("the kernel refused program {name}: {said}");
        Error { context, kind: kind.or_else(|| kind_of(error)).unwrap_or(Kind::Verifier) }
    }

    fn refused(what: &str, error: &(dyn std::error::Error + 'static)) -> Error {
        let kind = match kind_of(error) {
            Some(Kind::Privilege) if is_confidential(&Live::new()) => Kind::Lockdown,
            Some(kind) => kind,
            None => Kind::TooOld,
        };
        Error { context: format!("{what}: {}", chain(error)), kind }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match error.kind {
            Kind::Stuck => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

/// Whether this process has the privilege for maps (CAP_BPF, or all that CAP_SYS_ADMIN gives).
fn may_load() -> bool {
    let has = rustix::thread::capabilities(None).map(|sets| sets.effective);
    has.is_ok_and(|has| has.intersects(CapabilitySet::BPF | CapabilitySet::SYS_ADMIN))
}

/// How much locked memory this process may have, in bytes, where maps are that; later they count in control groups.
fn memlock() -> Option<u64> {
    let release = rustix::system::uname();
    let is_locked = Release::of(release.release().to_bytes()) < Some(Release::new(5, 11));
    rustix::process::getrlimit(rustix::process::Resource::Memlock).current.filter(|_| is_locked)
}

/// Something that only a defect of this crate explains.
pub(crate) fn defect(what: impl Display) -> io::Error {
    io::Error::other(format!("unexpected: {what}"))
}

/// What the error numbers among an error and its causes say.
fn kind_of(error: &(dyn std::error::Error + 'static)) -> Option<Kind> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let errno = error.downcast_ref::<io::Error>().and_then(Errno::from_io_error);
        if let Some(kind) = errno.and_then(Kind::of) {
            return Some(kind);
        }
        cause = error.source();
    }
    None
}

/// The line of the verifier's log that says why: the last one that is no statistics, and no instruction.
fn reason(log: &str) -> &str {
    /// What `print_verification_stats` says at the end.
    const STATISTICS: [&str; 6] =
        ["verification time", "stack depth", "processed ", "insns ", "mark_read", "max_states"];
    let is_reason = |line: &&str| !line.is_empty() && !STATISTICS.iter().any(|word| line.starts_with(word));
    log.lines().map(str::trim).rfind(is_reason).unwrap_or_default()
}

/// What the verifier's own words say.
fn kind_of_reason(reason: &str) -> Option<Kind> {
    let says = |what: &str| reason.contains(what);
    // bpf_tracing_func_proto hands out no helper that reads the kernel's memory then.
    if says("cannot use helper bpf_probe_read") || says("unknown func bpf_probe_read") {
        return Some(Kind::Lockdown);
    }
    // Helpers that came later.
    if says("unknown func bpf_") || says("cannot use helper bpf_") {
        return Some(Kind::TooOld);
    }
    (!reason.is_empty()).then_some(Kind::Verifier)
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

#[cfg(test)]
mod tests;
