//! What must hold for any input: decoding is total, and a bad message costs itself alone.

use proptest::collection::vec;
use proptest::prelude::*;
use skcheck_core::memory::cgroup;
use skcheck_core::testing::decode::Answer;
use skcheck_core::testing::procfs::cmdline::cmdline;
use skcheck_core::testing::procfs::comm::comm;
use skcheck_core::testing::procfs::fdinfo::{RingFiles, in_flight, interests};
use skcheck_core::testing::procfs::maps::mapped_sockets;
use skcheck_core::testing::procfs::schedstat::Schedstat;
use skcheck_core::testing::procfs::stat::Stat;
use skcheck_core::testing::procfs::status::Status;
use skcheck_core::testing::procfs::syscall::Machine;
use skcheck_core::testing::procfs::vmstat::Vmstat;
use skcheck_core::testing::procfs::wchan::wchan;
use skcheck_core::testing::procfs::{
    cgroup_events, config, freezer_state, kernel_stat, net, slabinfo, sockstat,
};
use skcheck_core::testing::{NetworkFiles, network, pressure, ram_ranges, reserved, syscall, throttling};
use skcheck_core::watch::Probe;
use skcheck_core::{
    Bytes, Family, Footprint, HostFacts, Inode, IpVersion, PageSize, Payload, Protocol, Query, RecvQueue,
    SendQueue, Socket, State, Table, Truesize, Worst, WorstBasis, testing,
};

use crate::support::made_up::{self, MadeUp};
use crate::support::messages::{self, BY_FAMILY, Inet, MULTI, SKMEMINFO, message, words};

fn decode(table: Table, sequence: u32, datagram: &[u8]) -> (Answer, Vec<Socket>) {
    let mut answer = Answer::new(table, sequence);
    let mut sockets = Vec::new();
    let _ = answer.datagram(datagram, |record| {
        let _ = record.pending_inodes().count();
        sockets.push(record.into_socket());
    });
    (answer, sockets)
}

/// Bytes that get past the headers now and then.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop_oneof![Just(BY_FAMILY), Just(messages::DONE), Just(messages::ERROR), any::<u16>()];
    let families = prop_oneof![Just(1u8), Just(2), Just(10), Just(16), Just(17), any::<u8>()];
    let payload =
        (families, vec(any::<u8>(), 0..200)).prop_map(|(family, rest)| [vec![family], rest].concat());
    let one = (kinds, any::<u16>(), prop_oneof![Just(1u32), any::<u32>()], payload)
        .prop_map(|(kind, flags, sequence, payload)| message(kind, flags, sequence, &payload));
    (vec(one, 0..6), vec(any::<u8>(), 0..40)).prop_map(|(messages, tail)| [messages.concat(), tail].concat())
}

proptest! {
    #[test]
    fn any_bytes_decode(bytes in vec(any::<u8>(), 0..600), table in 0..Table::ALL.len()) {
        decode(Table::ALL[table], 1, &bytes);
    }

    #[test]
    fn anything_like_a_datagram_decodes(bytes in datagram(), table in 0..Table::ALL.len()) {
        let (_, sockets) = decode(Table::ALL[table], 1, &bytes);
        prop_assert!(sockets.len() * 16 <= bytes.len());
    }

    #[test]
    fn any_values_decode(bytes in vec(any::<u8>(), 0..400)) {
        let memory = testing::skmem(&bytes);
        prop_assert_eq!(memory.drops.is_some(), bytes.len() >= 36);
        prop_assert_eq!(testing::tcp_info(&bytes).rcv_ooopack.is_some(), bytes.len() >= 228);
    }

    #[test]
    fn any_files_parse(bytes in vec(any::<u8>(), 0..400), text in "[ -~\n]{0,300}") {
        for bytes in [&bytes[..], text.as_bytes()] {
            for table in Table::ALL {
                let lines = bytes.split(|&b| b == b'\n').count() as u64;
                let bad_lines = net::parse(table, bytes, drop);
                prop_assert!(bad_lines <= lines);
            }
            let _ = (config::KernelConfig::parse(bytes), slabinfo::active_objects(bytes, "skbuff_head_cache"));
            let _ = sockstat::tcp_memory(bytes);
            let files = ["/proc/meminfo", "/proc/zoneinfo", "/proc/vmallocinfo", "/proc/iomem", "/proc/net/sockstat"];
            let host = files.iter().fold(MadeUp::new(), |host, file| host.file(file, bytes));
            let _ = skcheck_core::memory(&host, None);
            let _ = (Vmstat::parse(bytes).get("nr_memmap_pages"), kernel_stat::cpus(bytes));
            let _ = comm(bytes);
            prop_assert!(cmdline(bytes).iter().all(|argument| !argument.contains(&0)));
        }
    }

    #[test]
    fn any_memory_books_parse(
        bytes in vec(any::<u8>(), 0..300),
        text in "((System RAM|Crash kernel|TCP:|FRAG:|protocol|press|yes|mem|0-f{1,17}|[0-9]{1,20}| : |\n| ){0,9}\n){0,9}",
        stat in "((total_)?(anon|rss|cache|file|shmem|kernel|sock|swapcached|active_file|some|full|max) [0-9]{0,20}\n){0,12}",
        path in "(/|a|\\.|\\.\\.|sys|fs|cgroup|\\x00){0,8}",
    ) {
        for bytes in [&bytes[..], text.as_bytes(), stat.as_bytes()] {
            let file = Some(bytes);
            let files = NetworkFiles {
                sockstat: file, sockstat6: file, protocols: file, tcp_mem: file, udp_mem: file,
            };
            let _ = network(&files, &HostFacts::assumed(PageSize(4096)));
            let ranges = ram_ranges(bytes, PageSize(4096));
            prop_assert!(ranges.iter().all(|range| range.start < range.end));
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
            let reserved = reserved(bytes, Bytes(4096), PageSize(4096));
            prop_assert_eq!(reserved.is_some(), !ranges.is_empty());
            let _ = pressure(bytes);
            for (mounts, directory) in [("cgroup2 x rw", "/sys/fs/cgroup"), ("cgroup x rw,memory", "/sys/fs/cgroup")] {
                let mounts = format!("41 31 0:38 / {directory} rw - {mounts}\n");
                let files = ["memory.stat", "memory.events", "memory.pressure", "memory.max", "memory.oom_control"];
                let host = files.iter().fold(MadeUp::new().file("/proc/self/mountinfo", mounts), |host, file| {
                    host.file(&format!("{directory}/a/{file}"), bytes)
                });
                let host = host.file("/sys/fs/cgroup/a/memory.current", "4096\n");
                let host = host.file("/sys/fs/cgroup/a/memory.usage_in_bytes", "4096\n");
                let _ = cgroup(&host, path.as_bytes());
                if let Ok(memory) = cgroup(&host, b"/a") {
                    let owned: i128 = memory.ledger.parts.iter().map(|part| i128::from(part.bytes.0)).sum();
                    let left = i128::from(memory.ledger.total.0) - owned;
                    prop_assert_eq!(i128::from(memory.ledger.unaccounted), left.max(i64::MIN.into()));
                }
            }
        }
    }

    #[test]
    fn any_evidence_parses(
        bytes in vec(any::<u8>(), 0..300),
        text in "(tfd:|events:|ino:|UserFiles:|UserBufs:|scm_fds:|<none>|socket:\\[|\\]|[0-9a-f]{1,17}|0x[0-9a-f]{0,17}|-1|running|[0-9]{1,20}:| |\t|\n){0,60}",
        stat in "[0-9]{1,12} \\([ -~\\n]{0,20}\\) ([A-Za-z]|[0-9-]{1,21}| ){0,60}",
        status in "((TracerPid|Tgid):\\s{0,2}[0-9]{0,12}\n){0,4}((frozen|nr_periods|nr_throttled|throttled_usec|throttled_time) [0-9]{0,21}\n){0,6}",
    ) {
        for bytes in [&bytes[..], text.as_bytes(), stat.as_bytes(), status.as_bytes()] {
            let lines = bytes.split(|&b| b == b'\n').count();
            prop_assert!(interests(bytes).count() <= lines);
            prop_assert!(RingFiles::parse(bytes).sockets.len() < lines);
            prop_assert!(mapped_sockets(bytes).count() <= lines);
            prop_assert!(in_flight(bytes).is_none() || !bytes.is_empty());
            prop_assert!(Stat::parse(bytes).is_none_or(|stat| stat.comm.len() < bytes.len()));
            prop_assert!(wchan(bytes).is_none_or(|name| !name.is_empty()));
            prop_assert!(Status::parse(bytes).is_none_or(|status| status.tracer != Some(0)));
            let _ = (throttling(bytes), Schedstat::parse(bytes));
            let _ = (freezer_state::frozen(bytes), cgroup_events::frozen(bytes));
            for machine in [Machine::X86_64, Machine::Generic, Machine::Unknown] {
                let _ = syscall(bytes, machine);
            }
        }
    }

    /// A host whose files say anything can be sampled.
    #[test]
    fn any_files_give_a_sample(
        bytes in vec(any::<u8>(), 0..200), mounts in "(31 23 0:28 /[a.]{0,2} /[a/]{0,3} rw - (cgroup|cgroup2) x (rw|freezer|cpu)\n){0,4}",
        cgroup in "([0-9]:(cpu|freezer|):[/a.]{0,6}\n){0,4}", stat in "7 \\(x\\) S ([0-9]{1,3} ){25}",
    ) {
        let host = MadeUp::new().kernel(|request| {
            let (socket, sequence) = (Inet::numbered(3).recv_q(100), request.sequence);
            request.is_tcp4().then(|| made_up::Answer::of([socket.dumped(sequence), messages::done(sequence, 0)]))
        });
        let files = ["status", "task/7/wchan", "task/7/syscall", "fdinfo/3", "task/7/stat"];
        let host = files.iter().fold(host.process(7, "x", &[3]), |host, file| host.file(&format!("/proc/7/{file}"), &bytes[..]));
        let host = ["/proc/net/sockstat", "/a/cpu.stat", "/freezer.state", "/cgroup.events", "/proc/sys/net/ipv4/tcp_mem"]
            .iter().fold(host, |host, file| host.file(file, &bytes[..]));
        let host = host.file("/proc/7/stat", stat).file("/proc/7/cgroup", cgroup).file("/proc/1/mountinfo", mounts);
        let mut probe = Probe::new(&host, Query::default());
        let before = probe.sample(None, None).expect("it has a table");
        let now = probe.sample(None, Some(&before)).expect("it has a table");
        prop_assert!(now.processes.get(&7).is_some_and(|process| process.closely), "{:?}", now.processes);
    }

    #[test]
    fn meminfo_with_any_numbers(numbers in vec(0u64..1 << 49, 60)) {
        let live = std::fs::read_to_string("/proc/meminfo").expect("/proc is mounted");
        let changed: String = live.lines().zip(&numbers).map(|(line, number)| {
            format!("{}: {number} kB\n", line.split(':').next().expect("a name"))
        }).collect();
        let host = MadeUp::new().file("/proc/meminfo", changed);
        // Refused where a number is larger than any host's.
        if let Ok(memory) = skcheck_core::memory(&host, None) {
            let _ = (memory.ledger.nobodys(), memory.ledger.is_out_of_proportion());
        }
    }

    #[test]
    fn a_bad_message_never_costs_its_neighbours(
        count in 1u16..12, bad in any::<prop::sample::Index>(), content in vec(any::<u8>(), 108),
    ) {
        let memory = words(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let bad = 1 + u16::try_from(bad.index(count.into())).expect("small");
        let all: Vec<Vec<u8>> = (1..=count).map(|number| {
            let good = Inet::numbered(number).recv_q(number.into()).with(SKMEMINFO, &memory).payload();
            let payload = if number == bad { &content[..good.len().min(content.len())] } else { &good };
            message(BY_FAMILY, MULTI, 1, payload)
        }).collect();
        let (answer, sockets) = decode(Table::Tcp(IpVersion::V4), 1, &all.concat());
        for number in (1..=count).filter(|number| *number != bad) {
            let inode = Inode::new(number.into());
            let found = sockets.iter().filter(|socket| socket.inode == inode && socket.skmem.drops == Some(9));
            let queues: Vec<RecvQueue> = found.map(|socket| socket.recv_q).collect();
            prop_assert!(queues.contains(&RecvQueue::Payload(Payload(number.into()))));
        }
        // The bad one is a record (its bytes are numbers too), or it is counted.
        prop_assert_eq!(sockets.len() as u64 + answer.bad_messages, u64::from(count));
    }

    #[test]
    fn the_bound_grows_with_the_charge(
        charge in any::<u64>(), more in any::<u64>(), payload in proptest::option::of(any::<u64>()),
        frags in 0u32..=45, page in prop_oneof![Just(4096u64), Just(65_536)],
    ) {
        let mut host = HostFacts::assumed(PageSize(page));
        host.max_skb_frags = frags;
        let payload = payload.map(Payload);
        let bound = |charge| Worst::of(Truesize(charge), payload, &host);
        let (small, large) = (bound(charge), bound(charge.saturating_add(more)));
        prop_assert!(small.bytes <= large.bytes);
        prop_assert!(!small.saturated || large.saturated);
        prop_assert!(small.bytes.0 >= charge);
        let by_truesize = Worst::of(Truesize(charge), None, &host);
        prop_assert!(small.bytes <= by_truesize.bytes);
        prop_assert_eq!(by_truesize.basis, WorstBasis::Truesize);
        if small.basis == WorstBasis::Truesize {
            prop_assert_eq!(small, by_truesize);
        }
        prop_assert_eq!(small.bytes.0 == 0, charge == 0);
        // The same in numbers without an end: cut off exactly where 64 bits end.
        let packets = if charge == 0 { 0 } else { u128::from((charge / 576).max(1)) };
        let exact = u128::from(charge) + packets * (1 + u128::from(frags)) * u128::from(host.chunk_size.0);
        prop_assert_eq!(by_truesize.saturated, exact > u128::from(u64::MAX));
        if !by_truesize.saturated {
            prop_assert_eq!(u128::from(by_truesize.bytes.0), exact);
        }
    }

    #[test]
    fn any_socket_has_a_footprint(
        numbers in vec(proptest::option::of(any::<u32>()), 4), queue in any::<u32>(), kind in 0usize..6,
        state in any::<u8>(), charge in proptest::option::of(any::<u64>()),
    ) {
        let (family, protocol) = [
            (Family::Ipv4, Protocol::Tcp),
            (Family::Ipv6, Protocol::Udp),
            (Family::Ipv4, Protocol::UdpLite),
            (Family::Unix, Protocol::UnixStream),
            (Family::Unix, Protocol::UnixDatagram),
            (Family::Unix, Protocol::UnixSeqpacket),
        ][kind];
        let mut socket = Socket::unknown(family, protocol, State::from_kernel(state));
        let nothing = Footprint::of(&socket, None, &HostFacts::assumed(PageSize(4096)));
        prop_assert_eq!((nothing.received.charged, nothing.sent.charged), (None, None));
        prop_assert_eq!((nothing.received.payload, nothing.received.worst), (None, None));
        socket.recv_q = RecvQueue::Payload(Payload(queue.into()));
        socket.send_q = SendQueue::Payload(Payload(queue.into()));
        (socket.skmem.rmem_alloc, socket.skmem.backlog) = (numbers[0], numbers[1]);
        (socket.skmem.wmem_alloc, socket.skmem.wmem_queued) = (numbers[2], numbers[3]);
        let footprint = Footprint::of(&socket, charge.map(Truesize), &HostFacts::assumed(PageSize(4096)));
        for side in [footprint.received, footprint.sent] {
            prop_assert_eq!(side.worst.is_some(), side.charged.is_some());
            prop_assert!(side.worst.is_none_or(|worst| Some(worst.bytes.0) >= side.charged.map(|c| c.0)));
        }
        prop_assert!(footprint.received.payload.is_some_and(|unread| unread.0 <= queue.into()));
    }
}
