//! What a cause stands on.

use serde::Serialize;
use skcheck_core::Holder;
use skcheck_core::watch::cause::{Cause, Fact};
use skcheck_core::watch::evidence::{Call, Mount};

use crate::output::json::bytes::{hex_unless_utf8, lossy};
use crate::output::words::fact::fact;
use crate::output::words::sample::SampleNames;

/// One fact: its kind, the numbers that it has, and words for a person.
#[derive(Default, Serialize)]
pub(super) struct EvidenceJson {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fd: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wchan: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<MountJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silent: Option<bool>,
    text: String,
}

#[derive(Serialize)]
struct MountJson {
    point: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    point_hex: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    source: String,
}

impl MountJson {
    fn new(mount: &Mount) -> MountJson {
        MountJson {
            point: lossy(&mount.point),
            point_hex: hex_unless_utf8(&mount.point),
            kind: lossy(&mount.kind),
            source: lossy(&mount.source),
        }
    }
}

pub(super) fn evidence(cause: &Cause, names: SampleNames<'_>) -> Vec<EvidenceJson> {
    cause.evidence.iter().map(|it| EvidenceJson::new(it, names)).collect()
}

impl EvidenceJson {
    fn new(it: &Fact, names: SampleNames<'_>) -> EvidenceJson {
        EvidenceJson { text: fact(it, names), ..EvidenceJson::numbers(it) }
    }

    /// A kind without numbers.
    fn of(kind: &'static str) -> EvidenceJson {
        EvidenceJson { kind, ..EvidenceJson::default() }
    }

    fn numbers(fact: &Fact) -> EvidenceJson {
        match fact {
            Fact::State(..) | Fact::TracedBy(..) | Fact::FrozenCgroup(..) | Fact::ZombieChild(..) => {
                of_process(fact)
            }
            Fact::Thread { .. } | Fact::File { .. } => of_thread(fact),
            Fact::Throttled { .. }
            | Fact::Spins { .. }
            | Fact::MajorFaults { .. }
            | Fact::Swapped(..)
            | Fact::RanToo(..) => of_running(fact),
            Fact::Epoll { .. } | Fact::EpollInEpoll { .. } | Fact::InNoEpoll(..) | Fact::Ring(..) => {
                of_asking(fact)
            }
            Fact::InFlight(..) | Fact::UnsentAt(..) | Fact::AcceptQueue { .. } | Fact::AlsoHeld { .. } => {
                of_sockets(fact)
            }
            Fact::Missing(_) => EvidenceJson::of("missing"),
            _ => EvidenceJson::of("other"),
        }
    }
}

/// How its process is.
fn of_process(fact: &Fact) -> EvidenceJson {
    let of = EvidenceJson::of;
    match fact {
        Fact::State(state) => EvidenceJson { state: letter(*state), ..of("state") },
        Fact::TracedBy(pid) => EvidenceJson { pid: Some(*pid), ..of("traced_by") },
        Fact::FrozenCgroup(path) => EvidenceJson {
            cgroup: Some(lossy(path)),
            cgroup_hex: hex_unless_utf8(path),
            ..of("frozen_cgroup")
        },
        Fact::ZombieChild(pid) => EvidenceJson { pid: Some(*pid), ..of("zombie_child") },
        _ => of("other"),
    }
}

/// What a thread is in.
fn of_thread(fact: &Fact) -> EvidenceJson {
    let of = EvidenceJson::of;
    match fact {
        Fact::Thread { tid, state, call, wchan } => EvidenceJson {
            tid: Some(*tid),
            state: letter(*state),
            call: call.map(|(call, _)| call_name(call)),
            fd: call.and_then(|(_, fd)| fd),
            wchan: wchan.as_deref().map(lossy),
            ..of("thread")
        },
        Fact::File { tid, fd, path, mount, silent } => EvidenceJson {
            tid: Some(*tid),
            fd: Some(*fd),
            path: Some(lossy(path)),
            path_hex: hex_unless_utf8(path),
            mount: Some(MountJson::new(mount)),
            silent: Some(*silent),
            ..of("file")
        },
        _ => of("other"),
    }
}

/// How much its threads run.
fn of_running(fact: &Fact) -> EvidenceJson {
    let of = EvidenceJson::of;
    match fact {
        Fact::Throttled { throttled, periods, cgroup } => EvidenceJson {
            value: Some(*throttled),
            of: Some(*periods),
            cgroup: Some(lossy(cgroup)),
            cgroup_hex: hex_unless_utf8(cgroup),
            ..of("throttled")
        },
        Fact::Spins { tid, percent, .. } => {
            EvidenceJson { tid: Some(*tid), value: Some((*percent).into()), ..of("spins") }
        }
        Fact::MajorFaults { faults, runs } => {
            EvidenceJson { value: Some(*faults), of: Some(*runs), ..of("major_faults") }
        }
        Fact::Swapped(bytes) => EvidenceJson { value: Some(*bytes), ..of("swapped") },
        Fact::RanToo(others) => EvidenceJson { value: Some((*others).into()), ..of("ran_too") },
        _ => of("other"),
    }
}

/// Whether it asks for the data.
fn of_asking(fact: &Fact) -> EvidenceJson {
    let of = EvidenceJson::of;
    match fact {
        Fact::Epoll { set, events } => EvidenceJson { fd: Some(*set), events: Some(*events), ..of("epoll") },
        Fact::EpollInEpoll { set, inner, events } => EvidenceJson {
            fd: Some(*set),
            value: Some((*inner).into()),
            events: Some(*events),
            ..of("epoll_in_epoll")
        },
        Fact::InNoEpoll(sets) => EvidenceJson { of: Some(*sets as u64), ..of("in_no_epoll") },
        Fact::Ring(fd) => EvidenceJson { fd: Some(*fd), ..of("io_uring") },
        _ => of("other"),
    }
}

/// What other sockets and processes show.
fn of_sockets(fact: &Fact) -> EvidenceJson {
    let of = EvidenceJson::of;
    match fact {
        Fact::InFlight(Holder { pid, fd, .. }) => {
            EvidenceJson { pid: Some(*pid), fd: Some(*fd), ..of("in_flight") }
        }
        Fact::UnsentAt(Holder { pid, fd, .. }, unsent) => {
            EvidenceJson { pid: Some(*pid), fd: Some(*fd), value: Some(unsent.0), ..of("unsent") }
        }
        Fact::AcceptQueue { waiting, limit } => {
            let (waiting, limit) = ((*waiting).into(), limit.map(u64::from));
            EvidenceJson { value: Some(waiting), of: limit, ..of("accept_queue") }
        }
        Fact::AlsoHeld { pid, code } => {
            EvidenceJson { pid: Some(*pid), code: Some(code.name()), ..of("also_held") }
        }
        _ => of("other"),
    }
}

/// The letter of a state in /proc.
fn letter(state: u8) -> Option<String> {
    Some(char::from(state).to_string())
}

fn call_name(call: Call) -> &'static str {
    match call {
        Call::Read => "read",
        Call::Write => "write",
        Call::EpollWait => "epoll_wait",
        Call::Poll => "poll",
        Call::Accept => "accept",
        Call::Connect => "connect",
        Call::File => "file",
        Call::Futex => "futex",
        Call::Sleep => "sleep",
        Call::Wait => "wait",
        Call::Signal => "signal",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
