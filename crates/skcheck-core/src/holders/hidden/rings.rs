//! Sockets that rings of io_uring have registered.

use std::time::Duration;

use crate::holders::hidden::search::{HiddenHolders, Search, fdinfo};
use crate::host::Host;
use crate::model::gap::{Gap, Missing};
use crate::model::holder::{Holder, Via};
use crate::model::place::Place;
use crate::procfs::fdinfo::RingFiles;

/// How often a ring is looked at whose lock is taken, and how long is waited in between.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(2);

/// Looks into rings; one whose lock is taken lists nothing, and is looked at again.
pub(super) fn add(
    host: &dyn Host,
    search: &Search<'_>,
    rings: &[Holder],
    hidden: &mut HiddenHolders,
    gaps: &mut Vec<Gap>,
) {
    let (mut unnamed, mut silent) = (0, 0u64);
    for ring in rings {
        let files = files_of(host, search, *ring);
        unnamed += files.unnamed;
        silent += u64::from(files.may_be_busy);
        for inode in files.sockets.iter().filter(|inode| search.wanted.contains(*inode)) {
            hidden.add(*inode, ring.leading(Via::IoUring));
        }
    }
    // Of no interest where everybody has been found.
    if hidden.unheld(search.wanted) > 0 {
        gaps.extend(not_told(unnamed, silent));
    }
}

fn files_of(host: &dyn Host, search: &Search<'_>, ring: Holder) -> RingFiles {
    let mut looks = 0;
    loop {
        looks += 1;
        // One that is gone has nothing any more.
        let files = fdinfo(host, ring).as_deref().map(RingFiles::parse).unwrap_or_default();
        if !files.may_be_busy || looks == LOOKS || search.is_over() {
            return files;
        }
        std::thread::sleep(PAUSE);
    }
}

/// What rings did not tell.
fn not_told(unnamed: u64, silent: u64) -> impl Iterator<Item = Gap> {
    let place = || Place::file("/proc/PID/fdinfo");
    let unnamed = (unnamed > 0).then(|| {
        let remedy = "this kernel does not say which files they are (Linux 6.14 and newer do); sockets among them \
                      show no holder";
        Gap::counted(Missing::RingFiles, place(), unnamed, remedy)
    });
    let silent = (silent > 0).then(|| {
        let remedy = format!(
            "rings that listed none each time: {silent}; they have none, or were busy: run again; sockets among \
             them show no holder"
        );
        Gap::uncounted(Missing::RingFiles, place(), remedy)
    });
    unnamed.into_iter().chain(silent)
}
