//! Names the containers of namespaces, sockets and processes.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collect::survey::identities;
use crate::join::sockets::Join;
use crate::model::netns::NetnsId;

/// Fills in what the kubelet's directories tell, read once and only if there is any container.
pub(crate) fn name(join: &mut Join<'_>) {
    find_those_of_namespaces(join);
    let Join { host, collected, sockets, processes, .. } = join;
    let of_netns = collected.namespaces.iter_mut().filter_map(|it| it.netns.container.as_mut());
    let of_sockets = sockets.iter_mut().filter_map(|joined| joined.entry.container.as_mut());
    let of_processes = processes.iter_mut().filter_map(|process| process.container.as_mut());
    let mut containers = of_netns.chain(of_sockets).chain(of_processes).peekable();
    if containers.peek().is_some() {
        let names = identities::kubelet_names(*host);
        containers.for_each(|container| names.fill(container));
    }
}

/// Finds the containers that nameless namespaces of reported sockets belong to.
fn find_those_of_namespaces(join: &mut Join<'_>) {
    let reported: FxHashSet<NetnsId> = join.entries().filter_map(|entry| entry.netns).collect();
    let mut first_of: FxHashMap<NetnsId, u32> = FxHashMap::default();
    for (pid, id) in join.collected.survey.netns_of.iter().filter(|(_, id)| reported.contains(*id)) {
        let first = first_of.entry(*id).or_insert(*pid);
        *first = (*first).min(*pid);
    }
    let namespaces = join.collected.namespaces.iter_mut().map(|namespace| &mut namespace.netns);
    for netns in namespaces.filter(|netns| netns.name.is_none()) {
        let first = netns.id.and_then(|id| first_of.get(&id).copied());
        netns.container =
            first.and_then(|pid| identities::cgroup(join.host, pid)).and_then(|cgroup| cgroup.container);
    }
}
