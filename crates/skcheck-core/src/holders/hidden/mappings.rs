//! Sockets that processes have mapped.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use crate::holders::hidden::search::{HiddenHolders, Search};
use crate::host::Host;
use crate::model::holder::Holder;
use crate::model::socket::Inode;
use crate::procfs::maps::mapped_sockets;

/// Looks at what processes have mapped, as long as there is a socket that can be mapped and that nobody has;
/// whether there was time for all. Reading the file waits for the lock of the process's memory: nobody is
/// asked without need.
pub(super) fn add(host: &dyn Host, search: &Search<'_>, pids: &[u32], hidden: &mut HiddenHolders) -> bool {
    /// So many processes are asked between two looks at the clock.
    const AT_ONCE: usize = 64;
    /// A process has 65530 mappings at most, unless that was raised (vm.max_map_count).
    const LARGEST: u64 = 1 << 24;
    // Several processes can have one mapping, from their parent: none is left out.
    let is_found = hidden.unheld(search.mappable) == 0;
    for pids in pids.chunks(AT_ONCE).filter(|_| !is_found) {
        if search.is_over() {
            return false;
        }
        let paths: Vec<PathBuf> = pids.iter().map(|pid| format!("/proc/{pid}/maps").into()).collect();
        host.read_each(&paths, LARGEST, &mut |at, maps| {
            let (Some(pid), Ok(maps)) = (pids.get(at), &maps) else {
                hidden.is_blind_to_maps |= maps.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut);
                return;
            };
            let sockets = mapped_sockets(maps).filter(|inode| search.mappable.contains(inode));
            for inode in sockets.collect::<BTreeSet<Inode>>() {
                hidden.add(inode, Holder::of_mapping(*pid));
            }
        });
    }
    true
}
