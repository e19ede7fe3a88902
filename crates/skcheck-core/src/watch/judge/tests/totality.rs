//! Whatever the samples: no panic, and each socket once.

use proptest::prelude::*;

use crate::model::protocol::Protocol;
use crate::model::socket::Cookie;
use crate::model::state::State;
use crate::snapshot::entry::{Holding, Waiter};
use crate::watch::evidence::key::SocketKey;
use crate::watch::evidence::process::{Call, ProcessEvidence, Quota, ThreadEvidence, Throttling};
use crate::watch::evidence::sample::{FirstPacket, Sample, StillOpen};
use crate::watch::judge;
use crate::watch::judge::progress::state::Reading;
use crate::watch::judge::tests::made::{Sock, WINDOW, process, sample, set, sleeps};

const PROTOCOLS: [Protocol; 5] =
    [Protocol::Tcp, Protocol::Udp, Protocol::UnixStream, Protocol::UnixDatagram, Protocol::UnixSeqpacket];
const CALLS: [Call; 5] = [Call::Read, Call::Write, Call::EpollWait, Call::Accept, Call::Poll];

prop_compose! {
    fn sock()(
        number in 1_u32..12,
        (protocol, state) in (0..PROTOCOLS.len(), 0..State::ALL.len()),
        numbers in any::<[u32; 6]>(),
        large in any::<[u64; 2]>(),
        (pid, fd, peer) in (1_u32..5, 3_u32..6, 0_u32..12),
        (holding, known) in (0..5, any::<bool>()),
    ) -> Sock {
        let sock = Sock::new(PROTOCOLS[protocol], number).state(State::ALL[state]);
        let sock = sock.unread(numbers[0]).unsent(numbers[1]).memory(numbers[2], numbers[3]).peer(peer);
        let sock = sock.send_memory(numbers[4], numbers[5]).drops(numbers[5]).charged(numbers[4].into());
        let port = |number: u32| u16::try_from(number).unwrap();
        let sock = sock.ports(port(number), port(peer)).peer_held(5 - pid, fd);
        let sock = if known { sock.received(large[0]).acked(large[1]).last(large[1] >> 8) } else { sock };
        let waiter = |n| Waiter::Connection(Cookie(u64::from(n + numbers[3] % 2)));
        let sock = sock.waiters((0..numbers[2] % 4).map(waiter).collect());
        let sock = if holding > 2 { sock } else { sock.held(pid, fd) };
        sock.holding(match holding {
            0 | 3 => Holding::Descriptors,
            1 => Holding::AwaitingAccept { ambiguous: known },
            2 => Holding::Orphan,
            _ => Holding::Hidden,
        })
    }
}

prop_compose! {
    fn looked_at()(
        pid in 1_u32..5,
        (state, call) in (0_usize..5, 0..CALLS.len()),
        numbers in any::<[u64; 4]>(),
        (fd, events) in (3_u32..6, any::<u32>()),
    ) -> ProcessEvidence {
        let state = Some(b"RSDTZ"[state]);
        let thread = ThreadEvidence { state, ticks: Some(numbers[0]), ..sleeps(CALLS[call], fd) };
        ProcessEvidence {
            quotas: vec![Quota {
                cgroup: b"/q".to_vec(),
                throttling: Throttling { periods: numbers[1], throttled: numbers[2], time: WINDOW },
            }],
            epolls: vec![set(fd, fd, numbers[3] % 12, events)],
            ..process(pid, thread)
        }
    }
}

prop_compose! {
    fn any_sample()(
        second in 0_u64..4,
        sockets in prop::collection::vec(sock(), 0..12),
        processes in prop::collection::vec(looked_at(), 0..5),
        first_packets in prop::collection::vec((1_u64..12, 0_u64..3, 0_u64..2000), 0..6),
        drained in prop::collection::vec(1_u64..12, 0..4),
    ) -> Sample {
        let mut sample = sample(second, &sockets);
        let key = |number| SocketKey {
            netns: Some(crate::model::netns::NetnsId(1)), cookie: Some(Cookie(number)), inode: None,
        };
        sample.processes = processes.into_iter().map(|process| (process.pid, process)).collect();
        sample.first_packets = first_packets.into_iter().map(|(number, id, len)| {
            (key(number), FirstPacket { id, stamp: id / 2, size: (len, 768) })
        }).collect();
        sample.drained = drained.into_iter().map(|number| (key(number), StillOpen::Yes)).collect();
        sample
    }
}

proptest! {
    #[test]
    fn any_two_samples(before in any_sample(), now in any_sample()) {
        for (before, now) in [(&before, &now), (&now, &before), (&now, &now)] {
            let judged = judge(before, now);
            let known = judged.sockets.iter().all(|it| it.now.is_some() || it.before.is_some());
            prop_assert!(known);
            let mut places: Vec<usize> = judged.sockets.iter().filter_map(|it| it.now).collect();
            places.sort_unstable();
            let all: Vec<usize> = (0..now.snapshot.sockets.len()).collect();
            prop_assert_eq!(places, all);
            for socket in &judged.sockets {
                let stalled = socket.reading == Reading::Stalled;
                prop_assert!(!stalled || socket.cause.is_some());
                prop_assert!(!stalled || socket.consumed.or(socket.accepted) == Some(0));
                // Without a window nothing has stood still.
                prop_assert!(!stalled || !judged.window.is_zero());
            }
        }
    }
}
