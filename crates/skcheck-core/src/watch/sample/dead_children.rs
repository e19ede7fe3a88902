//! Children that have ended and that nobody has waited for.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::collect::survey::processes::pids;
use crate::host::Host;
use crate::host::file::try_read;
use crate::procfs::stat::Stat;
use crate::watch::evidence::process::ProcessEvidence;
use crate::watch::sample::schedule::Schedule;

/// Looking for them takes no more than this part of the time: it is one file of every process of the host.
const PART: u32 = 50;

/// All of the host, each with its parent.
#[derive(Default)]
pub(crate) struct DeadChildren {
    all: Vec<(u32, u32)>,
    schedule: Schedule,
}

impl DeadChildren {
    /// Adds to each process that is looked at closely those that are its children.
    pub(crate) fn add(
        &mut self,
        host: &dyn Host,
        now: Duration,
        processes: &mut BTreeMap<u32, ProcessEvidence>,
    ) {
        if self.schedule.is_due(now) {
            self.all = self.schedule.run(now, PART, || dead_children(host));
        }
        for (pid, parent) in &self.all {
            if let Some(process) = processes.get_mut(parent).filter(|process| process.closely) {
                process.dead_children.push(*pid);
            }
        }
    }
}

fn dead_children(host: &dyn Host) -> Vec<(u32, u32)> {
    // What cannot be listed has no children that can be seen.
    let pids = pids(host).unwrap_or_default();
    let stat = |pid: &u32| Stat::parse(&try_read(host, format!("/proc/{pid}/stat")).ok()?);
    let dead = |pid| stat(&pid).filter(|stat| stat.state == b'Z').map(|stat| (pid, stat.parent));
    pids.into_iter().filter_map(dead).collect()
}
