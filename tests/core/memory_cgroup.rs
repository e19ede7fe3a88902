//! The memory of cgroups on made-up hosts.

use skcheck_core::memory::{CgroupMemory, PartKind, cgroup, own_headroom};
use skcheck_core::{Bytes, ErrorKind};

use crate::support::made_up::MadeUp;

const PURE: &str = "41 31 0:38 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const HYBRID: &str = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
    41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

fn host(mountinfo: &str, directory: &str, files: &[(&str, &str)]) -> MadeUp {
    let host = MadeUp::new().file("/proc/self/mountinfo", mountinfo);
    files.iter().fold(host, |host, (name, text)| host.file(&format!("{directory}/{name}"), *text))
}

fn version_2() -> MadeUp {
    let files = [
        ("cgroup.procs", "1\n"),
        ("memory.current", "1000000\n"),
        ("memory.max", "2000000\n"),
        ("memory.high", "max\n"),
        ("memory.events", "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\noom_group_kill 5\n"),
        ("memory.stat", "anon 700000\nfile 100000\nkernel 150000\nsock 40000\nslab_reclaimable 50000\n"),
        (
            "memory.pressure",
            "some avg10=12.34 avg60=0.50 avg300=0.00 total=9\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=1\n",
        ),
    ];
    host(PURE, "/sys/fs/cgroup/kubepods.slice/pod1", &files)
}

const VERSION_1: [(&str, &str); 8] = [
    ("cgroup.procs", "1\n"),
    ("memory.usage_in_bytes", "1000000\n"),
    ("memory.limit_in_bytes", "9223372036854771712\n"),
    ("memory.failcnt", "6\n"),
    ("memory.stat", "rss 1\ncache 1\ntotal_rss 700000\ntotal_cache 100000\ntotal_shmem 30000\n"),
    ("memory.kmem.usage_in_bytes", "150000\n"),
    ("memory.kmem.tcp.usage_in_bytes", "0\n"),
    ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"),
];

fn version_1(more: &[(&str, &str)]) -> MadeUp {
    let files: Vec<(&str, &str)> = VERSION_1.iter().chain(more).copied().collect();
    host(HYBRID, "/sys/fs/cgroup/memory/a", &files)
}

fn read(host: &MadeUp, path: &str) -> CgroupMemory {
    cgroup(host, path.as_bytes()).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn places(memory: &CgroupMemory) -> Vec<String> {
    memory.gaps.iter().map(|gap| gap.place.to_string()).collect()
}

#[test]
fn of_version_2() {
    for path in ["/kubepods.slice/pod1", "/sys/fs/cgroup/kubepods.slice/pod1/"] {
        let memory = read(&version_2(), path);
        assert_eq!((&memory.path[..], memory.version), (b"/kubepods.slice/pod1".as_slice(), 2));
        assert_eq!((memory.limit, memory.high), (Some(Bytes(2_000_000)), None));
        assert_eq!((memory.limit_hits, memory.oom_kills), (Some(2), Some(4)));
        let pressure = memory.pressure.map(|it| (it.some, it.full));
        assert_eq!(pressure, Some(([1234, 50, 0], [100, 0, 0])));
        assert_eq!(memory.sock, Some(Bytes(40_000)));
        assert_eq!(memory.ledger.total, Bytes(1_000_000));
        assert_eq!(memory.ledger.part(PartKind::Sockets), Some(Bytes(40_000)));
        assert_eq!(memory.ledger.part(PartKind::OtherKernel), Some(Bytes(100_000)));
        assert_eq!((memory.ledger.unaccounted, memory.ledger.lru_ownerless), (10_000, None));
        assert_eq!(places(&memory), [""; 0]);
    }
    // PSI is off.
    let host = version_2().file("/sys/fs/cgroup/kubepods.slice/pod1/memory.pressure", "");
    let memory = read(&host, "/kubepods.slice/pod1");
    assert_eq!(memory.pressure, None);
    assert!(places(&memory)[0].contains("memory.pressure"), "{:?}", memory.gaps);
}

#[test]
fn of_version_1() {
    let memory = read(&version_1(&[]), "/a");
    assert_eq!((&memory.path[..], memory.version), (b"/a".as_slice(), 1));
    assert_eq!((memory.limit, memory.high, memory.pressure), (None, None, None));
    assert_eq!((memory.limit_hits, memory.oom_kills), (Some(6), Some(7)));
    assert_eq!(memory.ledger.part(PartKind::PageCache), Some(Bytes(70_000)));
    assert_eq!(memory.ledger.part(PartKind::OtherKernel), Some(Bytes(150_000)));
    assert_eq!(memory.ledger.unaccounted, 50_000);
    // Not counted as long as there is no limit for it.
    assert_eq!(memory.sock, None);
    assert!(places(&memory)[0].contains("kmem.tcp"), "{:?}", memory.gaps);
    for more in [("memory.kmem.tcp.limit_in_bytes", "4096\n"), ("memory.kmem.tcp.usage_in_bytes", "8192\n")] {
        let memory = read(&version_1(&[more]), "/a");
        assert_eq!(memory.sock.map(|bytes| bytes.0), Some(if more.1 == "4096\n" { 0 } else { 8192 }));
        assert_eq!(memory.ledger.part(PartKind::Sockets), None, "it is not in the usage");
        assert_eq!(places(&memory), [""; 0]);
    }
    let limited = [("memory.limit_in_bytes", "4096\n"), ("memory.kmem.tcp.limit_in_bytes", "4096\n")];
    assert_eq!(read(&version_1(&limited), "/a").limit, Some(Bytes(4096)));
}

/// Of the root's usage kernel memory is no part.
#[test]
fn the_root_of_version_1() {
    let files: Vec<(&str, &str)> =
        VERSION_1.iter().copied().chain([("cgroup.sane_behavior", "0\n")]).collect();
    let memory = read(&host(HYBRID, "/sys/fs/cgroup/memory", &files), "/");
    assert_eq!(memory.ledger.part(PartKind::OtherKernel), None);
    assert_eq!(memory.ledger.unaccounted, 200_000);
    assert!(places(&memory).iter().any(|place| place.contains("kernel memory")), "{:?}", memory.gaps);
}

/// The path of version 2, and the memory in version 1.
#[test]
fn memory_is_counted_in_one_hierarchy() {
    let host = version_1(&[]).file("/sys/fs/cgroup/unified/a/cgroup.procs", "1\n");
    for path in ["/a", "/sys/fs/cgroup/unified/a"] {
        assert_eq!(read(&host, path).version, 1);
    }
}

/// A scanner in a container that has the host's /proc sees the host's mounts in that of the first process.
#[test]
fn the_hosts_mounts() {
    let host = version_2()
        .file("/proc/self/mountinfo", "41 31 0:38 / /elsewhere rw - cgroup2 cgroup2 rw\n")
        .file("/proc/1/mountinfo", PURE);
    assert_eq!(read(&host, "/kubepods.slice/pod1").version, 2);
}

#[test]
fn errors_say_what_to_do() {
    let unified = host(HYBRID, "/sys/fs/cgroup/unified/b", &[("cgroup.procs", "")]);
    let bare = host(PURE, "/sys/fs/cgroup", &[("cgroup.procs", ""), ("b/cgroup.procs", "")]);
    let strange =
        host(PURE, "/sys/fs/cgroup/b", &[("memory.current", "1\n"), ("memory.stat", "who knows\n")]);
    let part = host("35 31 0:32 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "/", &[]);
    let all: [(&MadeUp, &str, &[&str]); 9] = [
        (&MadeUp::new(), "/a", &["/a", "mounted"]),
        (&bare, "/a/../b", &[".."]),
        (&bare, "/", &["root", "whole host"]),
        (&bare, "/b", &["/sys/fs/cgroup/b counts no memory", "+memory"]),
        (&bare, "/c", &["no /sys/fs/cgroup/c", "/proc/PID/cgroup"]),
        (&unified, "/b", &["no /sys/fs/cgroup/memory/b;"]),
        (&bare, "/\u{1b}[2J", &["\\x1b[2J"]),
        (&strange, "/b", &["memory.stat"]),
        (&part, "/docker/2", &["outside"]),
    ];
    for (host, path, expected) in all {
        let error = cgroup(host, path.as_bytes()).expect_err(path);
        assert_eq!(error.kind(), ErrorKind::NoCgroup);
        for part in expected {
            assert!(error.to_string().contains(part), "{path}: {error}");
        }
    }
}

/// The lowest of all that are above a process counts; page cache makes room that is on the lists of what
/// can be taken back, and memory.high is a limit too.
#[test]
fn room_for_the_caller() {
    // Whichever root the host shows.
    const OWN: &str = "/proc/self/root/sys/fs/cgroup";
    let group = |host: MadeUp, directory: &str, current: u64, [max, high]: [&str; 2]| {
        let stat = "anon 5000\nactive_file 500\ninactive_file 1000\nslab_reclaimable 500\nunevictable 9\n"
            .to_owned();
        let [current, max, high] = [&current.to_string(), max, high].map(|number| format!("{number}\n"));
        let files = [("current", current), ("stat", stat), ("max", max), ("high", high)];
        files
            .into_iter()
            .fold(host, |host, (name, text)| host.file(&format!("{OWN}/{directory}/memory.{name}"), text))
    };
    let check = |host: MadeUp, expected: Option<(u64, &str)>| {
        let room = own_headroom(&host);
        let room = room.map(|room| (room.bytes.0, String::from_utf8(room.path).expect("ASCII")));
        assert_eq!(room, expected.map(|(bytes, path)| (bytes, path.to_owned())));
    };
    let host = || MadeUp::new().file("/proc/self/mountinfo", PURE).file("/proc/self/cgroup", "0::/pod/a\n");
    let inner = |host, max, high| group(host, "pod/a", 10_000, [max, high]);
    check(inner(host(), "max", "max"), None);
    check(inner(host(), "20000", "max"), Some((12_000, "/pod/a")));
    check(inner(host(), "20000", "9000"), Some((1000, "/pod/a")));
    check(inner(host(), "7000", "max"), Some((0, "/pod/a")));
    let outer = || group(host(), "pod", 30_000, ["31000", "max"]);
    check(inner(outer(), "20000", "max"), Some((3000, "/pod")));
    check(inner(outer(), "max", "max"), Some((3000, "/pod")));
    // A leaf that counts no memory of its own.
    check(outer(), Some((3000, "/pod")));
    check(host(), None);
    check(MadeUp::new(), None);

    // Version 1, in a container that sees its own part.
    let files = [
        ("usage_in_bytes", "9000\n"),
        ("limit_in_bytes", "10000\n"),
        ("stat", "inactive_file 9\ntotal_inactive_file 3000\ntotal_unevictable 4000\n"),
    ];
    let host = MadeUp::new()
        .file("/proc/self/mountinfo", "35 31 0:32 /a /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n")
        .file("/proc/self/cgroup", "4:memory:/a\n0::/\n");
    let host = files
        .into_iter()
        .fold(host, |host, (name, text)| host.file(&format!("{OWN}/memory/memory.{name}"), text));
    check(host, Some((4000, "/a")));
}
