//! The passes that make the entries of a report, one after the other.

use crate::snapshot::candidates;
use crate::snapshot::cgroups;
use crate::snapshot::closed;
use crate::snapshot::containers;
use crate::snapshot::holders;
use crate::snapshot::interfaces;
use crate::snapshot::join::Join;
use crate::snapshot::measure;
use crate::snapshot::peers_elsewhere;
use crate::snapshot::portid;
use crate::snapshot::processes;
use crate::snapshot::search;
use crate::snapshot::tcp_info;
use crate::snapshot::unix_readers;

/// Joins to each socket what is known of it, and drops those that do not match after all.
pub(super) fn run(join: &mut Join<'_>) {
    candidates::add(join);
    unix_readers::add_elsewhere(join);
    peers_elsewhere::find(join);
    closed::add(join);
    let walked = search::run(join);
    holders::add(join);
    portid::name_processes(join);
    holders::keep_those_of_pids(join);
    cgroups::of_unheld(join);
    processes::identify(join);
    containers::name(join);
    processes::keep_matching(join);
    tcp_info::refresh(join);
    measure::add(join, walked);
    interfaces::name(join);
}
