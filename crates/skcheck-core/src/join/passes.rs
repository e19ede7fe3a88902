//! The passes that make the entries of a report, one after the other.

use crate::join::entries::candidates;
use crate::join::entries::closed;
use crate::join::entries::unix_readers;
use crate::join::measure;
use crate::join::names::cgroups;
use crate::join::names::containers;
use crate::join::names::interfaces;
use crate::join::names::processes;
use crate::join::parties::holders;
use crate::join::parties::peers_elsewhere;
use crate::join::parties::portid;
use crate::join::parties::search;
use crate::join::sockets::Join;
use crate::join::tcp_info;

/// Joins to each socket what is known of it, and drops those that do not match after all.
pub(crate) fn run(join: &mut Join<'_>) {
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
