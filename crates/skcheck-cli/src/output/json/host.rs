//! What the host is like.

use serde::Serialize;
use skcheck_core::Snapshot;

use crate::output::json::bytes::lossy;

#[derive(Serialize)]
pub(super) struct HostJson {
    kernel: Option<String>,
    page_size: u64,
    chunk_size: u64,
    max_skb_frags: u32,
    max_skb_frags_known: bool,
    active_skbs: Option<u64>,
    unowned: Option<i64>,
}

impl HostJson {
    pub(super) fn new(snapshot: &Snapshot) -> HostJson {
        let facts = &snapshot.host;
        HostJson {
            kernel: facts.release.as_deref().map(lossy),
            page_size: facts.page_size.0,
            chunk_size: facts.chunk_size.0,
            max_skb_frags: facts.max_skb_frags,
            max_skb_frags_known: facts.max_skb_frags_known,
            active_skbs: facts.active_skbs,
            unowned: snapshot.ledger.as_ref().map(|ledger| ledger.unaccounted),
        }
    }
}
