//! The passes that make the entries of a report, one after the other.

use crate::join::entries::{candidates, closed, unix_readers};
use crate::join::names::{cgroups, containers, interfaces, processes};
use crate::join::parties::{holders, peers_elsewhere, portid, search};
use crate::join::sockets::Join;
use crate::join::{measure, tcp_info};

/// Joins to each socket that holds something what is known of it, and drops those that do not match after all.
pub(crate) fn run(join: &mut Join<'_>) {
    candidates::add(join);
    unix_readers::add_elsewhere(join);
    peers_elsewhere::find(join);
    closed::add(join);
    complete(join);
}

/// The same of some that hold nothing.
pub(crate) fn run_idle(join: &mut Join<'_>) {
    candidates::add(join);
    peers_elsewhere::find(join);
    complete(join);
}

fn complete(join: &mut Join<'_>) {
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
