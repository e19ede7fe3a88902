//! Names for what namespaces do not keep apart, such as cgroups.

use std::os::unix::fs::MetadataExt;

/// A name that nobody else on this machine uses: another process may have the same pid, in a pid namespace of
/// its own. `label` is unique in this program.
pub(crate) fn name(label: &str) -> String {
    let pids = std::fs::metadata("/proc/self/ns/pid").expect("/proc is mounted").ino();
    format!("skcheck-test-{pids}-{}-{label}", std::process::id())
}
