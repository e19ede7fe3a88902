//! The kernel's own numbers of a socket's memory.

use serde::Serialize;
use skcheck_core::SkMem;

#[derive(Serialize)]
pub(super) struct SkMemJson {
    rmem_alloc: Option<u32>,
    rcvbuf: Option<u32>,
    wmem_alloc: Option<u32>,
    sndbuf: Option<u32>,
    fwd_alloc: Option<i32>,
    wmem_queued: Option<u32>,
    optmem: Option<u32>,
    backlog: Option<u32>,
    drops: Option<u32>,
}

impl SkMemJson {
    pub(super) fn new(skmem: &SkMem) -> SkMemJson {
        SkMemJson {
            rmem_alloc: skmem.rmem_alloc,
            rcvbuf: skmem.rcvbuf,
            wmem_alloc: skmem.wmem_alloc,
            sndbuf: skmem.sndbuf,
            fwd_alloc: skmem.fwd_alloc,
            wmem_queued: skmem.wmem_queued,
            optmem: skmem.optmem,
            backlog: skmem.backlog,
            drops: skmem.drops,
        }
    }
}
