//! What is seen of one process, from the single reads of a host.

use std::io;
use std::path::Path;

use crate::host::{Host, Looking, Sight};
use crate::procfs::number::parse_number;

/// Looks at a process.
pub(super) fn look<H: Host + ?Sized>(host: &H, pid: u32, at: Looking, on_sight: &mut dyn FnMut(Sight<'_>)) {
    let threads = threads(host, pid);
    let mut task = pid;
    let read = if at.descriptors {
        let mut any = false;
        let mut list = |task: u32| {
            host.fd_links(task, &mut |fd, target| {
                any = true;
                on_sight(Sight::Descriptor { task, fd, target });
            })
        };
        let mut read = list(pid);
        // A main thread that has ended shows no descriptors, and the others go on with them.
        if let Some(thread) = threads.first().filter(|_| !any) {
            task = *thread;
            read = host.fd_links(task, &mut |fd, target| on_sight(Sight::Descriptor { task, fd, target }));
        }
        read
    } else {
        may_be_read(host, pid)
    };
    if at.namespaces {
        let link = |path: String| host.read_link(Path::new(&path)).ok();
        if let Some(target) = link(format!("/proc/{task}/ns/net")) {
            on_sight(Sight::Netns { task, target: &target });
        }
        // A thread may have left its process's namespace.
        for tid in threads {
            if let Some(target) = link(format!("/proc/{pid}/task/{tid}/ns/net")) {
                on_sight(Sight::ThreadNetns { tid, target: &target });
            }
        }
        if let Some(target) = link(format!("/proc/{pid}/ns/mnt")) {
            on_sight(Sight::MountNamespace(&target));
        }
    }
    on_sight(Sight::End(read));
}

/// The threads of a process besides its main one.
pub(crate) fn threads<H: Host + ?Sized>(host: &H, pid: u32) -> Vec<u32> {
    let mut threads = Vec::new();
    let tasks = format!("/proc/{pid}/task");
    let _ = host.read_dir(Path::new(&tasks), &mut |name| threads.extend(parse_number(name)));
    threads.retain(|tid| *tid != pid);
    threads
}

/// Whether a process's descriptors may be read, without reading them all.
fn may_be_read<H: Host + ?Sized>(host: &H, pid: u32) -> io::Result<()> {
    match host.read_link(Path::new(&format!("/proc/{pid}/fd/0"))) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}
