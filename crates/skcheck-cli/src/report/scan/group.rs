//! The sockets of one owner.

use std::collections::BTreeMap;

use skcheck_core::SocketEntry;

use crate::report::scan::owner::{Owner, Owners};
use crate::report::sums::Sums;

/// The sockets of one owner.
#[derive(Debug, Clone)]
pub(crate) struct OwnerGroup<'a> {
    pub(crate) owner: Owner<'a>,
    /// Over all its sockets, shown or not.
    pub(crate) sums: Sums,
    /// The sockets to show, heaviest first.
    pub(crate) sockets: Vec<&'a SocketEntry>,
}

/// The sockets of each owner, in the order of the owners.
pub(super) fn by_owner<'a>(sockets: &[&'a SocketEntry], owners: Owners<'a, '_>) -> Vec<OwnerGroup<'a>> {
    let mut by_owner: BTreeMap<Owner<'a>, Vec<&SocketEntry>> = BTreeMap::new();
    for &report in sockets {
        for owner in owners.of(report) {
            by_owner.entry(owner).or_default().push(report);
        }
    }
    let group = |(owner, sockets): (Owner<'a>, Vec<&'a SocketEntry>)| OwnerGroup {
        owner,
        sums: Sums::of(sockets.iter().copied()),
        sockets,
    };
    by_owner.into_iter().map(group).collect()
}
