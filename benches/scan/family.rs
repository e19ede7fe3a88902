//! A process with its children, theirs, and so on.

use std::io;

/// Everyone of the family of a process who runs now, itself first.
pub(crate) fn family(first: u32) -> io::Result<Vec<u32>> {
    let lists = format!("/proc/self/task/{}/children", std::process::id());
    if !std::fs::exists(&lists)? {
        return Err(io::Error::other(format!("{lists} is missing (CONFIG_PROC_CHILDREN)")));
    }
    let mut members = vec![first];
    let mut next = 0;
    while let Some(pid) = members.get(next) {
        members.extend(children(*pid));
        next += 1;
    }
    Ok(members)
}

/// The children of all threads of a process; none when it is gone.
fn children(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let pids = |list: String| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>();
    lists.flat_map(pids).collect()
}
