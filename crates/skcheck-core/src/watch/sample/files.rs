//! For which files threads wait, and what these lie on.
//!
//! Nothing here asks the file system itself, which may be the one that does not answer: the kernel tells the
//! path and the mount of an open file without it.

use crate::host::Host;
use crate::host::file::try_read;
use crate::procfs::fdinfo::OpenFile;
use crate::watch::evidence::process::{Mount, Syscall, ThreadEvidence};
use crate::watch::sample::mounts::Mounts;

/// Where FUSE waits for its server, first in a sleep that a signal ends.
const FUSE: &[u8] = b"request_wait_answer";

/// What has no server and no device behind it. What waits there waits for something else.
const OF_KERNEL: [&[u8]; 6] = [b"proc", b"sysfs", b"devtmpfs", b"devpts", b"cgroup2", b"debugfs"];

/// Looks at the files of one process.
#[derive(Default)]
pub(crate) struct Files {
    /// Its mounts, once somebody needs them.
    mounts: Option<Mounts>,
}

impl Files {
    /// The mount that the file lies on for which this thread waits, if it does. Its files are in `directory`.
    pub(crate) fn mount(
        &mut self,
        host: &dyn Host,
        directory: &str,
        thread: &ThreadEvidence,
    ) -> Option<Mount> {
        let fd = awaited_file(thread)?;
        let file = OpenFile::parse(&try_read(host, format!("{directory}/fdinfo/{fd}")).ok()?)?;
        let mounts = self.mounts.get_or_insert_with(|| Mounts::read(host, directory));
        let mount = mounts.numbered(file.mount?)?;
        let mount = Mount { point: mount.point(), kind: mount.kind.to_vec(), source: mount.source() };
        has_something_behind(&mount).then_some(mount)
    }
}

/// The descriptor of the file for which a thread waits, if it does.
fn awaited_file(thread: &ThreadEvidence) -> Option<u32> {
    let waits = thread.state == Some(b'D') || thread.wchan.as_deref() == Some(FUSE);
    let is_file = thread.target.as_ref().is_some_and(|path| path.starts_with(b"/"));
    thread.syscall.and_then(Syscall::on).filter(|_| waits && is_file).map(|(_, fd)| fd)
}

/// Whether a server or a device can be what a mount waits for.
fn has_something_behind(mount: &Mount) -> bool {
    !OF_KERNEL.contains(&mount.kind.as_slice())
}
