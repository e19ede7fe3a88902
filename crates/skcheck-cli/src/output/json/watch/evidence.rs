//! What a cause stands on.

use serde::Serialize;
use skcheck_core::Holder;
use skcheck_core::watch::cause::{Cause, Fact};
use skcheck_core::watch::evidence::{Call, Mount};

use crate::output::json::bytes::{hex_unless_utf8, lossy};
use crate::output::watch::{Names, fact};

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

pub(super) fn evidence(cause: &Cause, names: Names<'_>) -> Vec<EvidenceJson> {
    cause.evidence.iter().map(|it| EvidenceJson::new(it, names)).collect()
}

impl EvidenceJson {
    fn new(it: &Fact, names: Names<'_>) -> EvidenceJson {
        let text = fact(it, names);
        let empty = EvidenceJson { text, ..EvidenceJson::default() };
        let letter = |state: u8| Some(char::from(state).to_string());
        match it {
            Fact::State(state) => EvidenceJson { kind: "state", state: letter(*state), ..empty },
            Fact::TracedBy(pid) => EvidenceJson { kind: "traced_by", pid: Some(*pid), ..empty },
            Fact::FrozenCgroup(path) => EvidenceJson {
                kind: "frozen_cgroup",
                cgroup: Some(lossy(path)),
                cgroup_hex: hex_unless_utf8(path),
                ..empty
            },
            Fact::Throttled { throttled, periods, cgroup } => EvidenceJson {
                kind: "throttled",
                value: Some(*throttled),
                of: Some(*periods),
                cgroup: Some(lossy(cgroup)),
                cgroup_hex: hex_unless_utf8(cgroup),
                ..empty
            },
            Fact::Thread { tid, state, call, wchan } => EvidenceJson {
                kind: "thread",
                tid: Some(*tid),
                state: letter(*state),
                call: call.map(|(call, _)| call_name(call)),
                fd: call.and_then(|(_, fd)| fd),
                wchan: wchan.as_deref().map(lossy),
                ..empty
            },
            Fact::File { tid, fd, path, mount, silent } => EvidenceJson {
                kind: "file",
                tid: Some(*tid),
                fd: Some(*fd),
                path: Some(lossy(path)),
                path_hex: hex_unless_utf8(path),
                mount: Some(MountJson::new(mount)),
                silent: Some(*silent),
                ..empty
            },
            Fact::Spins { tid, percent, .. } => {
                EvidenceJson { kind: "spins", tid: Some(*tid), value: Some((*percent).into()), ..empty }
            }
            Fact::MajorFaults { faults, runs } => {
                EvidenceJson { kind: "major_faults", value: Some(*faults), of: Some(*runs), ..empty }
            }
            Fact::Swapped(bytes) => EvidenceJson { kind: "swapped", value: Some(*bytes), ..empty },
            Fact::RanToo(others) => EvidenceJson { kind: "ran_too", value: Some((*others).into()), ..empty },
            Fact::Epoll { set, events } => {
                EvidenceJson { kind: "epoll", fd: Some(*set), events: Some(*events), ..empty }
            }
            Fact::EpollInEpoll { set, inner, events } => EvidenceJson {
                kind: "epoll_in_epoll",
                fd: Some(*set),
                value: Some((*inner).into()),
                events: Some(*events),
                ..empty
            },
            Fact::InNoEpoll(sets) => EvidenceJson { kind: "in_no_epoll", of: Some(*sets as u64), ..empty },
            Fact::Ring(fd) => EvidenceJson { kind: "io_uring", fd: Some(*fd), ..empty },
            Fact::InFlight(Holder { pid, fd, .. }) => {
                EvidenceJson { kind: "in_flight", pid: Some(*pid), fd: Some(*fd), ..empty }
            }
            Fact::UnsentAt(Holder { pid, fd, .. }, unsent) => EvidenceJson {
                kind: "unsent",
                pid: Some(*pid),
                fd: Some(*fd),
                value: Some(unsent.0),
                ..empty
            },
            Fact::ZombieChild(pid) => EvidenceJson { kind: "zombie_child", pid: Some(*pid), ..empty },
            Fact::AcceptQueue { waiting, limit } => EvidenceJson {
                kind: "accept_queue",
                value: Some((*waiting).into()),
                of: limit.map(u64::from),
                ..empty
            },
            Fact::AlsoHeld { pid, code } => {
                EvidenceJson { kind: "also_held", pid: Some(*pid), code: Some(code.name()), ..empty }
            }
            Fact::Missing(_) => EvidenceJson { kind: "missing", ..empty },
            _ => EvidenceJson { kind: "other", ..empty },
        }
    }
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
mod tests {
    use skcheck_core::Payload;
    use skcheck_core::watch::Sample;
    use skcheck_core::watch::evidence::UnreadablePart;

    use super::*;
    use crate::report::watch::tests::World;
    use crate::text::Charset;

    fn mounted() -> Mount {
        Mount { point: b"/a".to_vec(), kind: b"nfs4".to_vec(), source: b"s:/x".to_vec() }
    }

    fn json(fact: &Fact, sample: &Sample) -> String {
        let names = Names { sample, charset: Charset::Utf8 };
        let mut evidence = EvidenceJson::new(fact, names);
        assert!(!evidence.text.is_empty());
        evidence.text.clear();
        serde_json::to_string(&evidence).unwrap().replace(r#","text":"""#, "")
    }

    #[test]
    fn every_fact_has_a_kind_and_its_numbers() {
        let world = World::new(1);
        let call = Some((Call::Write, Some(14)));
        let all = [
            (Fact::State(b'T'), r#"{"kind":"state","state":"T"}"#),
            (Fact::TracedBy(3), r#"{"kind":"traced_by","pid":3}"#),
            (Fact::FrozenCgroup(b"/a".to_vec()), r#"{"kind":"frozen_cgroup","cgroup":"/a"}"#),
            (
                Fact::Throttled { throttled: 1, periods: 9, cgroup: b"/\xff".to_vec() },
                "{\"kind\":\"throttled\",\"value\":1,\"of\":9,\"cgroup\":\"/\u{fffd}\",\"cgroup_hex\":\"2fff\"}",
            ),
            (
                Fact::Thread { tid: 12, state: b'S', call, wchan: Some(b"wait".to_vec()) },
                r#"{"kind":"thread","tid":12,"fd":14,"state":"S","call":"write","wchan":"wait"}"#,
            ),
            (
                Fact::Thread { tid: 12, state: b'D', call: None, wchan: None },
                r#"{"kind":"thread","tid":12,"state":"D"}"#,
            ),
            (
                Fact::File { tid: 12, fd: 7, path: b"/a/b".to_vec(), mount: mounted(), silent: true },
                r#"{"kind":"file","tid":12,"fd":7,"path":"/a/b","mount":{"point":"/a","type":"nfs4","source":"s:/x"},"silent":true}"#,
            ),
            (Fact::Spins { tid: 12, percent: 99, waits: 0 }, r#"{"kind":"spins","tid":12,"value":99}"#),
            (Fact::MajorFaults { faults: 8, runs: 9 }, r#"{"kind":"major_faults","value":8,"of":9}"#),
            (Fact::Swapped(4096), r#"{"kind":"swapped","value":4096}"#),
            (Fact::RanToo(2), r#"{"kind":"ran_too","value":2}"#),
            (Fact::Epoll { set: 4, events: 1 }, r#"{"kind":"epoll","fd":4,"events":1}"#),
            (
                Fact::EpollInEpoll { set: 8, inner: 4, events: 1 },
                r#"{"kind":"epoll_in_epoll","fd":8,"events":1,"value":4}"#,
            ),
            (Fact::InNoEpoll(2), r#"{"kind":"in_no_epoll","of":2}"#),
            (Fact::Ring(7), r#"{"kind":"io_uring","fd":7}"#),
            (Fact::InFlight(Holder::new(3, 7)), r#"{"kind":"in_flight","pid":3,"fd":7}"#),
            (
                Fact::UnsentAt(Holder::new(3, 14), Payload(5)),
                r#"{"kind":"unsent","pid":3,"fd":14,"value":5}"#,
            ),
            (Fact::ZombieChild(77), r#"{"kind":"zombie_child","pid":77}"#),
            (Fact::AcceptQueue { waiting: 2, limit: Some(1) }, r#"{"kind":"accept_queue","value":2,"of":1}"#),
            (Fact::AcceptQueue { waiting: 2, limit: None }, r#"{"kind":"accept_queue","value":2}"#),
            (Fact::Missing(UnreadablePart::Threads), r#"{"kind":"missing"}"#),
        ];
        for (fact, expected) in all {
            assert_eq!(json(&fact, &world.now), expected, "{fact:?}");
        }
    }
}
