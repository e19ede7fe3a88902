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
    let names = SampleNames { sample, charset: Charset::Utf8 };
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
        (Fact::UnsentAt(Holder::new(3, 14), Payload(5)), r#"{"kind":"unsent","pid":3,"fd":14,"value":5}"#),
        (Fact::ZombieChild(77), r#"{"kind":"zombie_child","pid":77}"#),
        (Fact::AcceptQueue { waiting: 2, limit: Some(1) }, r#"{"kind":"accept_queue","value":2,"of":1}"#),
        (Fact::AcceptQueue { waiting: 2, limit: None }, r#"{"kind":"accept_queue","value":2}"#),
        (Fact::Missing(UnreadablePart::Threads), r#"{"kind":"missing"}"#),
    ];
    for (fact, expected) in all {
        assert_eq!(json(&fact, &world.now), expected, "{fact:?}");
    }
}
