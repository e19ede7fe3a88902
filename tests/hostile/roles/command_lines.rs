//! Processes whose command line never ends, or does not come at all.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use super::{about_to, forever, holds, innocent, open, unread};
use crate::fuse::NEVER_READ;
use crate::memory;
use crate::role::call;
use crate::world::Shows;

/// 64 GiB, and every byte of it can be read.
pub(super) fn endless() {
    call("sk-endless");
    let (_writer, reader) = unread(7000);
    memory::command_line_is(memory::untouched(64 << 30));
    holds("holds", &reader, 7000);
    innocent(&Shows::Nothing);
    forever()
}

/// Its memory is locked: one thread reads it through /proc, and waits for a page with the lock held for
/// reading; another waits to change it, behind which everybody else waits. A file of its own in the command
/// line's place would not do: the kernel reads none for others.
pub(super) fn silent() {
    call("sk-silent");
    let (_writer, reader) = unread(7000);
    let page = memory::of_file(&open(NEVER_READ), 4096).as_ptr().expose_provenance() as u64;
    std::thread::spawn(move || {
        let memory = File::open("/proc/self/mem").expect("/proc is mounted");
        memory.read_at(&mut [0], page)
    });
    while !has_thread_in("request_wait_answer") {
        std::thread::sleep(Duration::from_millis(5));
    }
    holds("holds", &reader, 7000);
    about_to(&Shows::Silent("cmdline".to_owned()));
    memory::untouched(4096);
    forever()
}

/// Whether one of this process's threads waits in that kernel function.
fn has_thread_in(function: &str) -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").expect("/proc is mounted");
    let wchan = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.expect("it can be listed").path().join("wchan"))
    };
    tasks.map(wchan).any(|wchan| wchan.is_ok_and(|name| name == function))
}
