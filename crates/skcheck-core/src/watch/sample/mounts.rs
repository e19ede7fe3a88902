//! The mounts of a process, read once.

use crate::host::Host;
use crate::host::file::try_read;
use crate::procfs::mountinfo::{MountInfo, numbered};

/// A /proc/PID/mountinfo.
pub(crate) struct Mounts(Vec<u8>);

impl Mounts {
    /// As the process or thread has them whose files are in `directory`; none where they cannot be read.
    pub(crate) fn read(host: &dyn Host, directory: &str) -> Mounts {
        Mounts(try_read(host, format!("{directory}/mountinfo")).unwrap_or_default())
    }

    /// The mount with this number.
    pub(crate) fn numbered(&self, id: u32) -> Option<MountInfo<'_>> {
        numbered(&self.0, id)
    }
}
