//! What somebody meets who looks for something below a file system that has died.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use rustix::mount::mount_bind;

use super::{forever, holds, innocent, open, path, unread};
use crate::fuse::{NEVER_READ, SLOW};
use crate::role::call;
use crate::world::Shows;

/// The running kernel's configuration, where it has it itself.
const OF_KERNEL: &str = "/proc/config.gz";
/// How many network namespaces are mounted there.
const NAMESPACES: usize = 4;

/// It only reads a file.
pub(super) fn read() {
    call("sk-read");
    let mut file = open(NEVER_READ);
    innocent(&Shows::waits_for_a_file());
    let _ = file.read(&mut [0; 10]);
}

/// Looks for a kernel's configuration until that does not come. It is nowhere else.
pub(super) fn boot() {
    call("sk-witness");
    hide_the_kernels_own();
    innocent(&Shows::waits_for_a_file());
    until_dead("config-0");
}

/// Looks for it until the answer, that there is none, comes late.
pub(super) fn slow_boot() {
    call("sk-slow-boot");
    hide_the_kernels_own();
    innocent(&Shows::waits_for_a_file());
    loop {
        let asked = Instant::now();
        let _ = std::fs::metadata(path("config-0"));
        if asked.elapsed() >= SLOW {
            forever();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn hide_the_kernels_own() {
    if Path::new(OF_KERNEL).exists() {
        mount_bind("/dev/null", OF_KERNEL).expect("root may");
    }
}

/// Mounts network namespaces that nobody else is in, and looks at the first one until that does not come.
pub(super) fn namespaces() {
    call("sk-witness");
    for number in 1..=NAMESPACES {
        let make = move || {
            unshare(CloneFlags::CLONE_NEWNET).expect("root may");
            mount_bind("/proc/thread-self/ns/net", path(&format!("ns-{number}"))).expect("root may");
        };
        std::thread::spawn(make).join().expect("it does not panic");
    }
    innocent(&Shows::waits_for_a_file());
    until_dead("ns-1");
}

fn until_dead(file: &str) {
    loop {
        let _ = std::fs::metadata(path(file));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads a file instead of its socket.
pub(super) fn read_before_the_socket() {
    call("sk-read-file");
    let (_writer, reader) = unread(7000);
    let mut file = open(NEVER_READ);
    holds("holds", &reader, 7000);
    innocent(&Shows::waits_for_a_file());
    let _ = file.read(&mut [0; 10]);
    forever()
}

/// Has the file open, and sleeps.
pub(super) fn sleep_with_a_file() {
    call("sk-sleep-file");
    let (_writer, reader) = unread(7000);
    let _file = open(NEVER_READ);
    holds("holds", &reader, 7000);
    innocent(&Shows::Nothing);
    forever()
}
