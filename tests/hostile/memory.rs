//! Memory that is not there: whoever touches it waits for somebody who does not answer.
#![allow(unsafe_code)] // mapping memory, and telling the kernel where it is, is

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::ptr::null_mut;

use rustix::event::epoll::Event;
use rustix::ioctl::{Updater, ioctl, opcode};
use rustix::mm::{Advice, MapFlags, ProtFlags, UserfaultfdFlags, madvise, mmap, mmap_anonymous, userfaultfd};
use rustix::process::{PrctlMmMap, configure_virtual_memory_map};

/// Pages of this file, which the kernel asks the file system for one by one.
pub(crate) fn of_file(file: &File, bytes: usize) -> &'static mut [u8] {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the kernel chooses a free place, the mapping is never undone, and nobody else has it.
    unsafe {
        let place = mmap(null_mut(), bytes, access, MapFlags::PRIVATE, file, 0).expect("it can be mapped");
        std::slice::from_raw_parts_mut(place.cast(), bytes)
    }
}

/// Forgets what was read of pages that came from a file, which is asked for them again, one by one.
#[allow(dead_code)] // some programs of tests need it
pub(crate) fn forget(pages: &[u8]) {
    let begin = pages.as_ptr().cast_mut().cast();
    // SAFETY: nothing was written to these pages: they are the same when they come back.
    unsafe {
        madvise(begin, pages.len(), Advice::Random).expect("a mapping");
        madvise(begin, pages.len(), Advice::LinuxPageOut).expect("since Linux 5.4");
    }
}

/// The same, as room for what an epoll set has to tell.
pub(crate) fn events_of_file(file: &File) -> &'static mut [MaybeUninit<Event>] {
    let room = of_file(file, 4096);
    // SAFETY: the mapping begins at a page and is larger, and is used as nothing else.
    unsafe { std::slice::from_raw_parts_mut(room.as_mut_ptr().cast(), 16) }
}

/// Memory that is filled by whoever reads the descriptor, and nobody does. `None`: this user may not.
pub(crate) fn of_userfaultfd(bytes: usize) -> Option<(&'static mut [u8], OwnedFd)> {
    #[repr(C)]
    struct Api {
        api: u64,
        features: u64,
        ioctls: u64,
    }
    #[repr(C)]
    struct Register {
        start: u64,
        len: u64,
        mode: u64,
        ioctls: u64,
    }
    const API: u64 = 0xAA;
    const MISSING: u64 = 1;
    // SAFETY: `linux/userfaultfd.h`; the mapping as above.
    unsafe {
        let faults = userfaultfd(UserfaultfdFlags::CLOEXEC).ok()?;
        let mut api = Api { api: API, features: 0, ioctls: 0 };
        ioctl(&faults, Updater::<{ opcode::read_write::<Api>(0xAA, 0x3F) }, Api>::new(&mut api)).ok()?;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let place = mmap_anonymous(null_mut(), bytes, access, MapFlags::PRIVATE).expect("there is memory");
        let mut range =
            Register { start: place.expose_provenance() as u64, len: bytes as u64, mode: MISSING, ioctls: 0 };
        let register = Updater::<{ opcode::read_write::<Register>(0xAA, 0x00) }, Register>::new(&mut range);
        ioctl(&faults, register).expect("a fresh mapping");
        Some((std::slice::from_raw_parts_mut(place.cast(), bytes), faults))
    }
}

/// So much memory that nobody has touched, and that takes none as long as nobody does.
pub(crate) fn untouched(bytes: usize) -> &'static [u8] {
    // SAFETY: as above; it is only read.
    unsafe {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let place = mmap_anonymous(null_mut(), bytes, ProtFlags::READ, flags).expect("addresses are free");
        std::slice::from_raw_parts(place.cast(), bytes)
    }
}

/// Tells the kernel that this process's command line is there (PR_SET_MM_MAP, which any process may).
pub(crate) fn command_line_is(memory: &[u8]) {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc is mounted");
    let after_name = stat.rsplit_once(')').expect("a name").1;
    // Field 3 is the first behind the name.
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let field = |number: usize| fields[number - 3].parse::<u64>().expect("a number");
    let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc is mounted");
    let heap = maps.lines().find(|line| line.ends_with("[heap]"));
    let brk = heap.and_then(|line| u64::from_str_radix(line.split(['-', ' ']).nth(1)?, 16).ok());
    let arg_start = memory.as_ptr().expose_provenance() as u64;
    let arg_end = arg_start + memory.len() as u64;
    let map = PrctlMmMap {
        start_code: field(26),
        end_code: field(27),
        start_stack: field(28),
        start_data: field(45),
        end_data: field(46),
        start_brk: field(47),
        brk: brk.unwrap_or(field(47)),
        arg_start,
        arg_end,
        // No environment is behind it.
        env_start: arg_end,
        env_end: arg_end,
        auxv: null_mut(),
        auxv_size: 0,
        exe_fd: -1,
    };
    // SAFETY: all but the command line and the environment stay where they are, and nothing here reads those.
    unsafe { configure_virtual_memory_map(&map) }.expect("any process may");
}
