//! Sockets that descriptors refer to and no table has named, and what protocol they speak.

use std::collections::BTreeMap;
use std::path::Path;

use crate::collect::survey::processes::Survey;
use crate::host::Host;
use crate::model::gap::{Gap, Missing};
use crate::model::holder::Holder;
use crate::model::place::Place;
use crate::model::protocol::{Family, Protocol};
use crate::model::query::Query;
use crate::model::socket::Inode;
use crate::model::table::Table;
use crate::procfs::link::socket_inode;

/// A socket that a descriptor referred to before the dumps and after them, and that no table has named.
pub(crate) struct Unlisted {
    pub inode: Inode,
    /// The first of its holders.
    pub holder: Holder,
    /// The name of its protocol (`system.sockprotoname`: `sk_prot_creator->name`), as bytes; `None` where
    /// nothing tells.
    pub protocol: Option<Vec<u8>>,
}

/// Looks at all of them once more. By now a descriptor may refer to a file whose file system never answers:
/// that is asked for nothing.
pub(crate) fn look(host: &dyn Host, survey: &Survey) -> Vec<Unlisted> {
    let unlisted = |(inode, holder): (Inode, Holder)| {
        if !still_holds(host, survey, holder, inode) {
            return None;
        }
        // What the descriptor refers to by now is asked: right behind the look above, so that it is this.
        let name = host.xattr(Path::new(&survey.path_of(holder)), "system.sockprotoname").ok();
        let protocol = name.map(|name| name.strip_suffix(b"\0").map_or(name.clone(), <[u8]>::to_vec));
        Some(Unlisted { inode, holder, protocol })
    };
    survey.descriptors.unknown().filter_map(unlisted).collect()
}

/// Whether a descriptor still refers to a socket.
pub(crate) fn still_holds(host: &dyn Host, survey: &Survey, holder: Holder, inode: Inode) -> bool {
    let path = survey.path_of(holder);
    host.read_link(Path::new(&path)).is_ok_and(|target| socket_inode(&target) == Some(inode))
}

/// How many of these are of protocols that have no table, by the name of the protocol: those of the processes
/// that are asked for.
pub(crate) fn without_table(unlisted: &[Unlisted], query: &Query) -> BTreeMap<Vec<u8>, u64> {
    let mut apart: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let wanted = |it: &&Unlisted| query.pids.is_empty() || query.pids.contains(&it.holder.pid);
    for protocol in unlisted.iter().filter(wanted).filter_map(|it| it.protocol.as_ref()) {
        *apart.entry(protocol.clone()).or_default() += 1;
    }
    forget_told(&mut apart, &[]);
    apart
}

/// Leaves the protocols without a table, and of those whose table is asked only where there is such a socket
/// all that are in none of `told`.
pub(crate) fn forget_told(apart: &mut BTreeMap<Vec<u8>, u64>, told: &[Table]) {
    apart.retain(|name, _| {
        let mut tables = Table::ALL.into_iter().filter(|table| table.is_called(name));
        tables.all(|table| table.row().is_rare && !told.contains(&table))
    });
}

/// What a report that is about all protocols lacks of these.
pub(crate) fn gap(apart: &BTreeMap<Vec<u8>, u64>, query: &Query) -> Option<Gap> {
    let sockets = apart.values().fold(0, |sum: u64, sockets| sum.saturating_add(*sockets));
    if sockets == 0 || !query.wants_all_protocols() {
        return None;
    }
    let place = Place::Protocols(apart.clone());
    let remedy = "whether data waits in them cannot be told; lsof | grep protocol: names who has them";
    Some(Gap::counted(Missing::Families, place, sockets, remedy))
}

/// The family of a TCP socket; `None` for any other.
pub(crate) fn tcp_family(unlisted: &Unlisted) -> Option<Family> {
    let table = Table::called(unlisted.protocol.as_deref()?)?;
    (table.protocol() == Protocol::Tcp).then_some(table.family())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::families::protocol_set::Protocols;

    #[test]
    fn what_has_no_table() {
        let of = |number: u32, pid, protocol: Option<&str>| {
            Inode::new(number).map(|inode| Unlisted {
                inode,
                holder: Holder::new(pid, 3),
                protocol: protocol.map(|name| name.as_bytes().to_vec()),
            })
        };
        let held =
            [of(1, 7, Some("ALG")), of(2, 8, Some("ALG")), of(3, 7, Some("TCPv6")), of(4, 7, Some("PING"))];
        let more = [of(5, 7, Some("X\n")), of(6, 7, None)];
        let unlisted: Vec<Unlisted> = held.into_iter().chain(more).flatten().collect();
        let mut query = Query::default();
        let shown = |query: &Query| {
            gap(&without_table(&unlisted, query), query).map(|gap| format!("{gap}: {:?}", gap.count))
        };
        let all = "3 sockets of protocols that are in no table (2 ALG, 1 X\\n): Some(3)";
        assert_eq!(shown(&query).as_deref(), Some(all));
        query.pids = vec![8];
        let one = "1 socket of a protocol that is in no table (1 ALG): Some(1)";
        assert_eq!(shown(&query).as_deref(), Some(one));
        query.pids = vec![9];
        assert_eq!(shown(&query), None);
        assert_eq!(shown(&Query::of(Protocols::ALL - Protocols::UNIX)), None, "not asked for");
    }
}
