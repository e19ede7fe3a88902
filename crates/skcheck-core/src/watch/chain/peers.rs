//! Which socket of a sample is at the other end of which. Pure.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::diag::request::canonical;
use crate::snapshot::Report;
use crate::socket::{Endpoint, Family, Inode, Protocol};

type End = (IpAddr, u16);

/// The sockets of a sample, by what their other ends know of them.
pub(in crate::watch) struct Peers {
    by_inode: FxHashMap<Inode, usize>,
    by_ends: FxHashMap<(End, End), Vec<usize>>,
}

impl Peers {
    /// Of unix sockets.
    pub(in crate::watch) fn new(sockets: &[Report]) -> Peers {
        let unix = sockets.iter().enumerate().filter(|(_, report)| report.socket.family == Family::Unix);
        let by_inode = unix.filter_map(|(at, report)| Some((report.socket.inode?, at))).collect();
        Peers { by_inode, by_ends: FxHashMap::default() }
    }

    /// And of TCP sockets: only chains ask for these.
    pub(in crate::watch) fn add_tcp(&mut self, sockets: &[Report]) {
        let tcp = sockets.iter().enumerate().filter(|(_, report)| report.socket.protocol == Protocol::Tcp);
        for (at, report) in tcp {
            if let Some(ends) = ends(&report.socket.local, &report.socket.peer) {
                self.by_ends.entry(ends).or_default().push(at);
            }
        }
    }

    /// The other end of a socket, where the sample has it. Two namespaces can have the same addresses: the
    /// socket in the same one is it, else the one that the same descriptors hold.
    pub(in crate::watch) fn of(&self, sockets: &[Report], at: usize) -> Option<usize> {
        let report = sockets.get(at)?;
        let socket = &report.socket;
        if socket.protocol != Protocol::Tcp {
            return self.by_inode.get(&socket.peer_inode?).copied();
        }
        let candidates = self.by_ends.get(&ends(&socket.peer, &socket.local)?)?;
        let candidates =
            || candidates.iter().filter_map(|at| Some((*at, sockets.get(*at)?))).filter(|it| it.0 != at);
        let is_held = |other: &Report| other.holders.iter().any(|it| report.peer_holders.contains(it));
        let near = || candidates().find(|(_, other)| other.netns == report.netns && !report.peer_inferred);
        let held = || candidates().find(|(_, other)| is_held(other));
        near().or_else(held).map(|(at, _)| at)
    }
}

fn ends(local: &Endpoint, peer: &Endpoint) -> Option<(End, End)> {
    Some((canonical(local)?, canonical(peer).filter(|(_, port)| *port != 0)?))
}

/// Whether the other end is on this host for certain, wherever it is: unix, and loopback addresses.
pub(super) fn is_local(report: &Report) -> bool {
    let is_loopback = canonical(&report.socket.peer).is_some_and(|(addr, _)| addr.is_loopback());
    report.socket.protocol != Protocol::Tcp || is_loopback
}
