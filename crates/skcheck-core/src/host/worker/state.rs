//! What a worker does, as /proc shows it. These files of one's own child answer at once: it executes no
//! program, and nobody traces it.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::procfs::stat::Stat;
use crate::procfs::wchan;

/// Whether one of its threads runs, or wants to (field 3 of /proc/PID/task/TID/stat). Where that cannot be
/// told, it is taken to sleep.
pub(super) fn runs(pid: u32) -> bool {
    tasks(pid).into_iter().any(|task| {
        let stat = std::fs::read(task.join("stat")).ok().and_then(|file| Stat::parse(&file));
        stat.is_some_and(|stat| stat.state == b'R')
    })
}

/// The kernel function that it waits in: of several threads that of one which does not wait for another.
pub(super) fn wchan(pid: u32) -> Option<String> {
    let read = |task: PathBuf| wchan::wchan(&std::fs::read(task.join("wchan")).ok()?);
    let waits = tasks(pid).into_iter().filter_map(read);
    let mut waits: Vec<String> = waits.map(|name| name.escape_ascii().to_string()).collect();
    waits.sort_by_key(|name| name.starts_with("futex"));
    waits.into_iter().next()
}

/// Its threads; none where /proc is that of another pid namespace, and shows somebody else under this number.
fn tasks(pid: u32) -> Vec<PathBuf> {
    static SHOWS_OWN: LazyLock<bool> = LazyLock::new(|| {
        std::fs::read_link("/proc/self")
            .is_ok_and(|own| own.as_os_str() == std::process::id().to_string().as_str())
    });
    if !*SHOWS_OWN {
        return Vec::new();
    }
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    tasks.into_iter().flatten().flatten().map(|task| task.path()).collect()
}
