//! Whose a netlink socket is that no descriptor is seen to hold: its portid tells.

use crate::host::{Host, file};
use crate::join::sockets::Join;
use crate::model::endpoint::Endpoint;
use crate::procfs::status::Status;
use crate::snapshot::entry::Holding;

/// Names the processes. The kernel gives a program's first socket of a protocol the id of its process
/// (`netlink_autobind`), as that process's own pid namespace numbers it; others get large numbers, and a
/// program may choose any. So it counts only where it is the id of a process that is not known to be in
/// another network namespace (of one that may not be read that is unknown), and that no pid namespace below
/// the scanner's numbers differently.
pub(crate) fn name_processes(join: &mut Join<'_>) {
    let Join { host, collected, sockets, .. } = join;
    let entries = sockets.iter_mut().map(|joined| &mut joined.entry);
    for entry in entries.filter(|entry| entry.holders.is_empty()) {
        let Endpoint::Netlink { portid, .. } = entry.socket.local else { continue };
        if portid == 0 {
            entry.holding = Holding::Kernel;
            continue;
        }
        let is_elsewhere = collected.survey.netns_of.get(&portid).is_some_and(|id| Some(*id) != entry.netns);
        entry.portid_process = Some(portid).filter(|pid| !is_elsewhere && is_numbered_so(*host, *pid));
    }
}

/// Whether a process's own pid namespace gives it this id.
fn is_numbered_so(host: &dyn Host, pid: u32) -> bool {
    let status = file::read(host, &format!("/proc/{pid}/status"));
    status.and_then(|file| Status::parse(&file)).is_some_and(|status| status.ns_pid.is_none())
}
