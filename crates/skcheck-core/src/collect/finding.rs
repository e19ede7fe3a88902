//! What an engine found in its pass over all descriptors.

use std::io;
use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::collect::dumps::candidate::Candidate;
use crate::collect::dumps::idle::IdleSockets;
use crate::engine::{Engine, Found, Pass};
use crate::model::holder::Holder;
use crate::model::netns::NetnsId;
use crate::model::query::Query;
use crate::model::socket::Inode;

/// What an engine found.
pub(crate) struct Finding {
    pub(crate) pass: Pass,
    /// Each with the time at which it came.
    pub(crate) found: Vec<(Found, Instant)>,
    /// Those of each namespace that hold nothing.
    pub(crate) idle: FxHashMap<NetnsId, IdleSockets>,
    /// Who has which of all these.
    pub(crate) holders: Vec<(Inode, Holder)>,
}

impl Finding {
    pub(crate) fn of(engine: &dyn Engine, query: &Query) -> io::Result<Finding> {
        let (mut found, mut holders) = (Vec::new(), Vec::new());
        let mut idle: FxHashMap<NetnsId, IdleSockets> = FxHashMap::default();
        let pass = engine.find(query, &mut |it| {
            holders.extend(it.socket.inode.zip(it.holder));
            let Found { socket, netns, holder, unix_queue } = it;
            let candidate = Candidate::now(socket);
            // Empty datagrams do not show in the record.
            let is_idle = candidate.is_idle() && unix_queue.is_none_or(|queue| queue.packets == 0);
            let kept = if is_idle { idle.entry(netns).or_default().add(candidate) } else { Some(candidate) };
            if let Some(Candidate { socket, read_at }) = kept {
                found.push((Found { socket, netns, holder, unix_queue }, read_at));
            }
        })?;
        Ok(Finding { pass, found, idle, holders })
    }
}
