use std::time::Duration;

use super::*;
use crate::container::identity::{Mount, v1_mounts, v2_mounts};
use crate::procfs::thread::cgroup::{Hierarchies, directory, frozen_v1, frozen_v2, throttling};
use crate::procfs::thread::fdinfo::OpenFile;
use crate::procfs::thread::syscall::Machine;
use crate::watch::evidence::{Call, Interest, Syscall, Throttling};

#[test]
fn stats() {
    let check = |file: &str, expected: Option<(&str, u8, u32, u64, u64, u64)>| {
        let found = stat(file.as_bytes());
        let expected = expected.map(|(comm, state, parent, ticks, threads, start_time)| Stat {
            comm: comm.as_bytes().to_vec(),
            state,
            parent,
            major_faults: 6,
            ticks,
            threads,
            start_time,
        });
        assert_eq!(found, expected, "{file}");
    };
    let rest = "1 24865 13402 0 -1 4194304 101 0 6 0 12 30 0 0 20 0 3 0 1499942 2998272 416";
    check(&format!("24876 (head) R {rest}\n"), Some(("head", b'R', 1, 42, 3, 1_499_942)));
    // The name is the process's own choice.
    check(&format!("7 (a) Z 9 (b) t {rest}\n"), Some(("a) Z 9 (b", b't', 1, 42, 3, 1_499_942)));
    check(&format!("7 (x\ny) D {rest}\n"), Some(("x\ny", b'D', 1, 42, 3, 1_499_942)));
    check(&format!("7 () S {rest}"), Some(("", b'S', 1, 42, 3, 1_499_942)));
    for bad in ["", "7", "7 (a", "7 )a(", "7 (a)", "7 (a) S 1", &format!("7 (a) SS {rest}")] {
        check(bad, None);
    }
}

#[test]
fn swapped_memory() {
    assert_eq!(swapped(b"VmPTE:\t 44 kB\nVmSwap:\t     120 kB\nThreads:\t1\n"), Some(120 << 10));
    for none in [&b"Name:\tVmSwap:\n"[..], b"VmSwap:\n", b"VmSwap:\t18446744073709551615 kB\n", b""] {
        assert_eq!(swapped(none), None);
    }
}

#[test]
fn tracers() {
    let all: [(&[u8], Option<u32>); 4] = [
        (b"Name:\tcat\nTracerPid:\t0\nUid:\t0\n", None),
        (b"Name:\tcat\nTracerPid:\t4711\n", Some(4711)),
        (b"Name:\tx\\nTracerPid:\t3\n", None),
        (b"", None),
    ];
    for (status, expected) in all {
        assert_eq!(tracer(status), expected, "{}", status.escape_ascii());
    }
}

#[test]
fn turns_on_a_processor() {
    let nanoseconds = Duration::from_nanos;
    let expected = Turns { ran: nanoseconds(181_448_196), waited: nanoseconds(10_724_271), runs: 385 };
    assert_eq!(schedstat(b"181448196 10724271 385\n"), Some(expected));
    for bad in [&b"0 0 0\n"[..], b"", b"1 2", b"1 2 x", b"1 x 2"] {
        assert_eq!(schedstat(bad), None);
    }
}

#[test]
fn functions_to_sleep_in() {
    assert_eq!(wchan(b"ep_poll"), Some(b"ep_poll".to_vec()));
    assert_eq!([wchan(b"0"), wchan(b""), wchan(b"0\n")], [None, None, None]);
}

#[test]
fn system_calls() {
    let stack = " 0x7fff3eb53a58 0x7f38e08802ad\n";
    let check = |text: &str, machine, expected: Option<(Call, u64)>| {
        let file = format!("{text}{stack}");
        let found = syscall(file.as_bytes(), machine);
        let expected = expected.map(|(call, number)| Syscall::In {
            call,
            number,
            arguments: [3, 0x10, 4, 0, 0xffff_ffff, 0],
        });
        assert_eq!(found, expected, "{text}");
    };
    let arguments = "0x3 0x10 0x4 0x0 0xffffffff 0x0";
    for (number, on_x86_64, on_others) in [
        (0, Call::Read, Call::Other),
        (1, Call::Write, Call::Other),
        (7, Call::Poll, Call::Other),
        (22, Call::Other, Call::EpollWait),
        (25, Call::Other, Call::File),
        (42, Call::Connect, Call::Other),
        (43, Call::Accept, Call::Other),
        (44, Call::Write, Call::Other),
        (61, Call::Wait, Call::File),
        (63, Call::Other, Call::Read),
        (64, Call::Other, Call::Write),
        (74, Call::File, Call::Other),
        (82, Call::Other, Call::File),
        (202, Call::Futex, Call::Accept),
        (217, Call::File, Call::Other),
        (230, Call::Sleep, Call::Other),
        (232, Call::EpollWait, Call::Other),
        (441, Call::EpollWait, Call::EpollWait),
        (449, Call::Futex, Call::Futex),
        (1 << 30, Call::Other, Call::Other),
    ] {
        let text = format!("{number} {arguments}");
        check(&text, Machine::X86_64, Some((on_x86_64, number)));
        check(&text, Machine::Generic, Some((on_others, number)));
        check(&text, Machine::Unknown, Some((Call::Other, number)));
    }
    for bad in
        ["", "x", "-2", "0", "0 0x3", "0 3 4 5 6 7 8", "0 0x 0x 0x 0x 0x 0x", "0 0x+3 0x1 0x1 0x1 0x1 0x1"]
    {
        check(bad, Machine::X86_64, None);
    }
    assert_eq!(syscall(b"running\n", Machine::X86_64), Some(Syscall::Running));
    assert_eq!(syscall(b"-1 0x7ffe 0x7f31\n", Machine::X86_64), Some(Syscall::None));
    // The numbers of a program of 32 bits are others: 3 is its read.
    let narrow = syscall(b"0 0x3 0x10 0x4 0x0 0x0 0x0 0xffc01230 0xf7f1a559\n", Machine::X86_64).unwrap();
    assert!(matches!(narrow, Syscall::In { call: Call::Other, number: 0, .. }), "{narrow:?}");
}

#[test]
fn epoll_sets() {
    let file = b"pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t26\n\
        tfd:        6 events: 40000000 data:                6  pos:0 ino:124e1f8 sdev:9\n\
        tfd:        4 events: 80000019 data: ffffffffffffffff  pos:0 ino:124e1f7 sdev:f\n\
        tfd:        5 events:       19 data:                5\n\
        tfd:        x events:       19\n\
        tfd:        7 events: 123456789 data: 0\n\
        tfd:        8\n";
    let found: Vec<Interest> = interests(file).collect();
    let expected = [
        Interest { fd: 6, events: Interest::ONESHOT, inode: Some(0x124_e1f8) },
        Interest { fd: 4, events: Interest::EDGE | Interest::IN | 0x18, inode: Some(0x124_e1f7) },
        Interest { fd: 5, events: 0x19, inode: None },
    ];
    assert_eq!(found, expected);
    assert_eq!(interests(b"").count(), 0);
}

#[test]
fn freezing() {
    let v2 = [
        ("populated 1\nfrozen 1\n", Some(true)),
        ("populated 1\nfrozen 0\n", Some(false)),
        ("populated 1\n", None),
    ];
    for (file, expected) in v2 {
        assert_eq!(frozen_v2(file.as_bytes()), expected, "{file}");
    }
    for (file, expected) in
        [("FROZEN\n", Some(true)), ("FREEZING\n", Some(true)), ("THAWED\n", Some(false)), ("", None)]
    {
        assert_eq!(frozen_v1(file.as_bytes()), expected, "{file}");
    }
}

#[test]
fn quotas() {
    let expected = Some(Throttling { periods: 7, throttled: 3, time: Duration::from_micros(1500) });
    assert_eq!(
        throttling(b"usage_usec 9\nnr_periods 7\nnr_throttled 3\nthrottled_usec 1500\nnr_bursts 0\n"),
        expected
    );
    assert_eq!(throttling(b"nr_periods 7\nnr_throttled 3\nthrottled_time 1500000\n"), expected);
    // Version 2 where CPU time is not shared out.
    assert_eq!(throttling(b"usage_usec 9\nuser_usec 3\n"), None);
}

#[test]
fn hierarchies() {
    let file = b"9:name=systemd:/s\n6:freezer:/f:1\n4:memory:/m\n1:cpu,cpuacct:/c\n0::/u\n";
    let found = Hierarchies { unified: Some(b"/u"), freezer: Some(b"/f:1"), cpu: Some(b"/c") };
    assert_eq!(Hierarchies::parse(file), found);
    let alone = Hierarchies { unified: Some(b"/u"), ..Hierarchies::default() };
    assert_eq!(Hierarchies::parse(b"2:cpuset:/x\n0::/u\nx\n1:cpu\n"), alone);
}

#[test]
fn directories() {
    let mountinfo = b"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
        35 31 0:32 /docker/1 /sys/fs/cgroup/freezer ro - cgroup cgroup rw,freezer\n";
    let check = |mounts: &[Mount], path: &str, expected: Option<(&str, usize)>| {
        let found = directory(mounts, path.as_bytes());
        assert_eq!(found, expected.map(|(path, depth)| (path.as_bytes().to_vec(), depth)), "{path}");
    };
    let unified = v2_mounts(mountinfo);
    check(&unified, "/", Some(("/sys/fs/cgroup/unified", 0)));
    check(&unified, "/a.slice/b", Some(("/sys/fs/cgroup/unified/a.slice/b", 2)));
    check(&unified, "/../b", None);
    check(&v1_mounts(mountinfo, "cpu"), "/a", Some(("/sys/fs/cgroup/cpu,cpuacct/a", 1)));
    check(&v1_mounts(mountinfo, "freezer"), "/docker/1/x", Some(("/sys/fs/cgroup/freezer/x", 1)));
    check(&v1_mounts(mountinfo, "freezer"), "/docker/2", None);
    check(&v1_mounts(mountinfo, "pids"), "/", None);
    // A host's hierarchy in a container with a cgroup namespace.
    let outside = v2_mounts(b"35 31 0:32 /../.. /host ro - cgroup2 cgroup rw\n");
    check(&outside, "/../../a", Some(("/host/a", 1)));
    check(&outside, "/a", None);
}

#[test]
fn open_files() {
    let of = |text: &str| OpenFile::parse(text.as_bytes());
    let pipe = of("pos:\t0\nflags:\t01\nmnt_id:\t16\nino:\t47863134\n").unwrap();
    assert_eq!((pipe.access, pipe.mount, pipe.inode), ((false, true), Some(16), Some(47_863_134)));
    assert_eq!(of("pos:\t0\nflags:\t0100000\nmnt_id:\t16\n").unwrap().access, (true, false));
    let master = of("pos:\t0\nflags:\t02100002\nmnt_id:\t24\nino:\t91\ntty-index:\t7\n ").unwrap();
    assert_eq!((master.access, master.terminal), ((true, true), Some(7)));
    assert_eq!(of("flags:\t010000000\n").unwrap().access, (false, false));
    for broken in ["", "pos:\t0\n", "flags:\n", "flags:\t9\n", "flags:\t-1\n"] {
        assert_eq!(of(broken), None, "{broken:?}");
    }
}

#[test]
fn devices_of_mounts() {
    let mountinfo =
        b"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 21 0:57 / /mnt/a\\040b rw shared:7 - fuse.x x rw\n30\n";
    assert_eq!(device_of_mount(mountinfo, 21), Some(&b"8:1"[..]));
    assert_eq!(device_of_mount(mountinfo, 30), Some(&b"0:57"[..]));
    assert_eq!(device_of_mount(mountinfo, 57), None);
    let dead = mount(mountinfo, 30).unwrap();
    assert_eq!(
        (&dead.point[..], &dead.kind[..], &dead.source[..]),
        (&b"/mnt/a b"[..], &b"fuse.x"[..], &b"x"[..])
    );
    assert_eq!(mount(b"30\n30 1 0:1 / /a\n30 1 0:1 / /a rw - x", 30), None);
}
