//! Pages that a program hands in: the premise of the bound does not hold for them, and the report names
//! them.

use std::fs::File;
use std::io::{IoSlice, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::{SpliceFFlags, vmsplice};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use rustix::fs::{MemfdFlags, Mode, OFlags, ftruncate, memfd_create, openat, sendfile, unlinkat};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
};
use rustix::pipe::{SpliceFlags, fcntl_setpipe_size, pipe, splice};
use skcheck_core::engine::{PageKind, Queue};
use skcheck_core::{Bytes, Exact, SocketEntry};

use crate::census::meminfo;
use crate::measure::{measured, whole};
use crate::support::sockets::{TcpPair, arrived, tcp_pair};
use crate::turn;

fn page() -> u64 {
    rustix::param::page_size() as u64
}

/// Sends a byte of each of `count` places of a file, `stride` bytes apart, and leaves them unread.
fn send_a_byte_of_each(file: &impl AsFd, count: u64, stride: u64) -> TcpPair {
    let pair = tcp_pair("127.0.0.1");
    for at in 0..count {
        let mut offset = at * stride;
        assert_eq!(sendfile(&pair.client, file, Some(&mut offset), 1).expect("the window is open"), 1);
    }
    arrived(&pair.server, usize::try_from(count).expect("small"));
    pair
}

/// The unread bytes pin these pages of this kind, and no others that were handed in.
fn assert_pins(pair: &TcpPair, unread: u64, kind: PageKind, bytes: u64) -> (SocketEntry, Exact) {
    let (report, exact) = measured(&pair.server);
    assert_eq!(whole(&exact, Queue::Receive).bytes.0, unread);
    let handed_in: Vec<_> = exact.handed_in.iter().map(|it| (it.kind, it.bytes)).collect();
    assert_eq!(handed_in, [(kind, Bytes(bytes))], "{exact:?}");
    // The rest of what is pinned are the packets themselves.
    assert!((bytes..=bytes + (1 << 20)).contains(&exact.pinned.0), "{exact:?}");
    (report, exact)
}

fn memfd(bytes: u64) -> OwnedFd {
    let file = memfd_create("skcheck-test", MemfdFlags::CLOEXEC).expect("this kernel has it");
    write(&file, bytes);
    file
}

fn write(file: &impl AsFd, bytes: u64) {
    let mut file = File::from(file.as_fd().try_clone_to_owned().expect("it is open"));
    // Some kernels make a tmpfs's pages no larger than what is written at once, whatever it is mounted with
    // (`shmem_mapping_size_orders`): that of x86's huge pages.
    let piece = vec![b'x'; 2 << 20];
    let mut left = usize::try_from(bytes).expect("small");
    while left > 0 {
        left -= file.write(&piece[..left.min(piece.len())]).expect("there is memory");
    }
}

const PAGES: u64 = 200;

#[test]
fn of_a_file_that_is_there() {
    let Some(_turn) = turn::beside_others("handed_in::of_a_file_that_is_there") else { return };
    let file = memfd(PAGES * page());
    let pair = send_a_byte_of_each(&file, PAGES, page());
    assert_pins(&pair, PAGES, PageKind::File, PAGES * page());
}

/// Truncated, so that the pages are nobody's and yet on the lists of the page cache.
#[test]
fn of_a_file_that_is_cut_off() {
    let Some(_turn) = turn::beside_others("handed_in::of_a_file_that_is_cut_off") else { return };
    let file = memfd(PAGES * page());
    let pair = send_a_byte_of_each(&file, PAGES, page());
    ftruncate(&file, 0).expect("it is writable");
    assert_pins(&pair, PAGES, PageKind::RemovedFile, PAGES * page());
}

/// Each CPU keeps some pages back that it will put on the lists of the page cache, and clears that only for
/// itself: they are a file's all the same.
#[test]
fn of_a_file_whose_pages_are_on_no_list_yet() {
    let Some(_turn) = turn::beside_others("handed_in::of_a_file_whose_pages_are_on_no_list_yet") else {
        return;
    };
    const FEW: u64 = 10;
    let [one, other] = [0, std::thread::available_parallelism().expect("known").get() - 1];
    crate::measure::engine();
    let pair = tcp_pair("127.0.0.1");
    let file = memfd(0);
    // Giving back memory would put them on their lists.
    let piece = vec![b'x'; usize::try_from(page()).expect("small")];
    on_cpu(one);
    for at in 0..FEW {
        rustix::io::write(&file, &piece).expect("there is memory");
        assert_eq!(
            sendfile(&pair.client, &file, Some(&mut (at * page())), 1).expect("the window is open"),
            1
        );
    }
    on_cpu(other);
    drop(file);
    arrived(&pair.server, usize::try_from(FEW).expect("small"));
    assert_pins(&pair, FEW, PageKind::RemovedFile, FEW * page());
}

/// Moves this thread.
fn on_cpu(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu).expect("few");
    sched_setaffinity(Pid::from_raw(0), &set).expect("it is there");
}

/// Removed and closed. Of each page one byte is sent, so all are pinned, in whatever blocks they come.
#[test]
fn of_a_file_on_disk_that_is_removed() {
    let Some(_turn) = turn::beside_others("handed_in::of_a_file_on_disk_that_is_removed") else { return };
    let file = tempfile::tempfile().expect("there is room");
    write(&file, PAGES * page());
    file.sync_all().expect("there is room");
    let pair = send_a_byte_of_each(&file, PAGES, page());
    assert_pins(&pair, PAGES, PageKind::File, PAGES * page());
    drop(file);
    assert_pins(&pair, PAGES, PageKind::RemovedFile, PAGES * page());
}

/// Huge pages: each byte pins 2 MiB, far above the bound.
#[test]
fn of_a_removed_file_in_huge_pages() {
    let Some(_turn) = turn::alone("handed_in::of_a_removed_file_in_huge_pages") else { return };
    let huge = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
    let huge: u64 = huge.expect("the kernel has huge pages").trim().parse().expect("a number");
    const HUGE_PAGES: u64 = 20;
    turn::when_others_are_still(|| {
        let filesystem = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).expect("root may");
        fsconfig_set_string(&filesystem, "huge", "always").expect("it knows huge pages");
        fsconfig_create(&filesystem).expect("root may");
        let mount =
            fsmount(&filesystem, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).expect("root may");
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = openat(&mount, "file", flags, Mode::RWXU).expect("it is empty");
        // The CPUs keep small changes for themselves.
        let in_huge_pages = || {
            std::fs::write("/proc/sys/vm/stat_refresh", "1").expect("root may");
            meminfo("ShmemHugePages")
        };
        let before = in_huge_pages();
        write(&file, HUGE_PAGES * huge);
        let grown = in_huge_pages() - before;
        if grown < HUGE_PAGES * huge {
            // What is free is in pieces: the next attempt finds it put together.
            let _ = std::fs::write("/proc/sys/vm/compact_memory", "1");
            panic!("the host has not so many huge pages");
        }

        let pair = send_a_byte_of_each(&file, HUGE_PAGES, huge);
        assert_pins(&pair, HUGE_PAGES, PageKind::File, HUGE_PAGES * huge);
        unlinkat(&mount, "file", rustix::fs::AtFlags::empty()).expect("it is there");
        drop((file, mount, filesystem));
        let (report, exact) = assert_pins(&pair, HUGE_PAGES, PageKind::RemovedFile, HUGE_PAGES * huge);
        let worst = report.footprint.received.worst.expect("known").bytes;
        assert!(exact.pinned > worst, "{exact:?} is not above {worst:?}");
    });
}

/// A process's own pages, through a pipe.
#[test]
fn of_a_process() {
    let Some(_turn) = turn::beside_others("handed_in::of_a_process") else { return };
    let page = usize::try_from(page()).expect("small");
    const PAGES: usize = 15;
    // The middle of every page of the block that lies whole in it.
    let memory = vec![b'x'; (PAGES + 1) * page];
    let first = memory.as_ptr().align_offset(page);
    let (end, start) = pipe().expect("a pipe");
    fcntl_setpipe_size(&start, 16 * page).expect("so large is the default");
    let pair = tcp_pair("127.0.0.1");
    let pieces: Vec<IoSlice<'_>> =
        (0..PAGES).map(|at| IoSlice::new(&memory[first + at * page + 100..][..1])).collect();
    assert_eq!(vmsplice(&start, &pieces, SpliceFFlags::empty()).expect("the pipe has room"), PAGES);
    let spliced = splice(&end, None, &pair.client, None, PAGES, SpliceFlags::empty());
    assert_eq!(spliced.expect("the window is open"), PAGES);
    arrived(&pair.server, PAGES);
    let bytes = (PAGES * page) as u64;
    assert_pins(&pair, PAGES as u64, PageKind::Anonymous, bytes);
}
