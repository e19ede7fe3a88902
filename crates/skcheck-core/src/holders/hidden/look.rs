//! Looks at every process for hidden holders.

use rustc_hash::FxHashSet;

use crate::collect::survey::processes;
use crate::holders::hidden::search::{HiddenHolders, Search};
use crate::holders::hidden::tables::Tables;
use crate::holders::hidden::{mappings, messages, rings};
use crate::host::Host;
use crate::model::gap::{Gap, Missing};
use crate::model::place::Place;

/// Looks at every process.
pub(crate) fn look(host: &dyn Host, search: &Search<'_>, gaps: &mut Vec<Gap>) -> HiddenHolders {
    let mut hidden = HiddenHolders::default();
    let may_have_received = if search.everywhere {
        messages::may_have_received(host, search.namespaces)
    } else {
        FxHashSet::default()
    };
    let listed = processes::pids(host);
    let mut is_all = listed.is_ok();
    let pids = listed.unwrap_or_default();
    let mut tables = Tables::new(host, search, &may_have_received, &mut hidden);
    is_all &= pids.iter().all(|pid| tables.add_process(*pid));
    let (rings, receivers) = (tables.rings, tables.receivers);
    rings::add(host, search, &rings, &mut hidden, gaps);
    is_all &= mappings::add(host, search, &pids, &mut hidden);
    is_all &= messages::add(host, search, receivers, &mut hidden);
    if !is_all {
        let unheld = hidden.unheld(search.wanted) as u64;
        let remedy = "the tables of threads, rings of io_uring, messages and mappings take too long to look at: --deep waits";
        gaps.push(Gap::counted(Missing::Holders, Place::Host, unheld, remedy));
    }
    hidden
}
