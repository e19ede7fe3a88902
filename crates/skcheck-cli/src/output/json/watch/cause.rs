//! Why nobody reads, and who is at the end of it.

use serde::Serialize;
use skcheck_core::Holder;
use skcheck_core::watch::cause::{Cause, End, Fact, Link, Pace, Root};
use skcheck_core::watch::evidence::Call;

use crate::output::json::bytes::{hex_unless_utf8, lossy};
use crate::output::json::socket::HolderJson;
use crate::output::watch::{Names, because, fact};
use crate::report::watch::{Row, comm};

#[derive(Serialize)]
pub(super) struct CauseJson {
    code: &'static str,
    pid: Option<u32>,
    text: String,
    evidence: Vec<EvidenceJson>,
}

/// The reader at the end.
#[derive(Serialize)]
pub(super) struct RootJson {
    pid: u32,
    comm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm_hex: Option<String>,
    fd: Option<u32>,
    reads: bool,
    consumed_per_s: Option<u64>,
    consumed_at_least: bool,
    code: Option<&'static str>,
    evidence: Vec<EvidenceJson>,
}

#[derive(Serialize)]
pub(super) struct ChainJson {
    circle: bool,
    end: &'static str,
    links: Vec<LinkJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<LinkJson>,
}

#[derive(Serialize)]
struct LinkJson {
    writer: HolderJson,
    wait: &'static str,
    unsent: u64,
    taken_per_s: Option<u64>,
    reader: Option<HolderJson>,
    consumed_per_s: Option<u64>,
    pairing: &'static str,
}

/// One fact: its kind, the numbers that it has, and words for a person.
#[derive(Default, Serialize)]
struct EvidenceJson {
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
    text: String,
}

impl CauseJson {
    pub(super) fn of_socket(row: &Row<'_>, cause: &Cause, names: Names<'_>) -> CauseJson {
        CauseJson {
            code: cause.code.name(),
            pid: cause.pid,
            text: because(row, names).unwrap_or_default(),
            evidence: evidence(cause, names),
        }
    }
}

impl RootJson {
    pub(super) fn new(root: &Root, names: Names<'_>) -> Option<RootJson> {
        let holder = root.reader().filter(|_| !root.is_unsure())?;
        let (reads, pace) = match root.end {
            End::Slow(_, pace, _) => (true, pace),
            _ => (false, Pace { consumed: Some(0), at_least: false }),
        };
        let comm = comm(names.sample, holder.pid);
        Some(RootJson {
            pid: holder.pid,
            comm: comm.map(lossy),
            comm_hex: comm.and_then(hex_unless_utf8),
            fd: holder.number(),
            reads,
            consumed_per_s: pace.consumed,
            consumed_at_least: pace.at_least,
            code: root.cause().map(|cause| cause.code.name()),
            evidence: root.cause().map(|cause| evidence(cause, names)).unwrap_or_default(),
        })
    }
}

impl ChainJson {
    pub(super) fn new(root: &Root) -> ChainJson {
        let candidates = if let End::OneOf(links) = &root.end { links.as_slice() } else { &[] };
        let link = |link: &Link| LinkJson {
            writer: HolderJson::new(&link.writer),
            wait: link.wait.name(),
            unsent: link.unsent.0,
            taken_per_s: link.taken,
            reader: link.reader.as_ref().map(HolderJson::new),
            consumed_per_s: link.pace.and_then(|pace| pace.consumed),
            pairing: link.pairing.name(),
        };
        ChainJson {
            circle: root.is_circle(),
            end: end_name(&root.end),
            links: root.links.iter().map(link).collect(),
            candidates: candidates.iter().map(link).collect(),
        }
    }
}

fn end_name(end: &End) -> &'static str {
    match end {
        End::Stalled(..) => "stalled",
        End::Slow(..) => "slow",
        End::OffHost => "off_host",
        End::Hidden => "hidden",
        End::Circle(_) => "circle",
        End::NotArriving(_) => "not_arriving",
        End::TooFar => "too_far",
        End::OneOf(_) => "one_of",
        _ => "not_found",
    }
}

fn evidence(cause: &Cause, names: Names<'_>) -> Vec<EvidenceJson> {
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
            Fact::Spins { tid, percent, .. } => {
                EvidenceJson { kind: "spins", tid: Some(*tid), value: Some((*percent).into()), ..empty }
            }
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
        Call::Futex => "futex",
        Call::Sleep => "sleep",
        Call::Wait => "wait",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use skcheck_core::Payload;
    use skcheck_core::watch::Sample;
    use skcheck_core::watch::evidence::Unread;

    use super::*;
    use crate::report::watch::tests::World;
    use crate::text::Charset;

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
            (Fact::Spins { tid: 12, percent: 99, waits: 0 }, r#"{"kind":"spins","tid":12,"value":99}"#),
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
            (Fact::Missing(Unread::Threads), r#"{"kind":"missing"}"#),
        ];
        for (fact, expected) in all {
            assert_eq!(json(&fact, &world.now), expected, "{fact:?}");
        }
    }
}
