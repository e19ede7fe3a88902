//! What a kernel that is locked down keeps from root.

use crate::host::file::read;
use crate::host::seam::Host;
use crate::procfs::lockdown;

/// Whether nobody may look into the kernel's memory, root neither (`lockdown=confidentiality`); `false` where nothing
/// tells.
pub fn is_confidential(host: &dyn Host) -> bool {
    read(host, "/sys/kernel/security/lockdown").is_some_and(|file| lockdown::is_confidential(&file))
}
