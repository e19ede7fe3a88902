//! The programs as they were compiled from `src/bpf`, each source twice: for kernels with `bpf_loop` (since Linux
//! 5.17), and for those before it.

use aya::include_bytes_aligned;

/// A source, compiled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object {
    with_loops: &'static [u8],
    early: &'static [u8],
}

/// `find.c`.
pub(crate) const FIND: Object = Object {
    with_loops: include_bytes_aligned!("bpf/find.o"),
    early: include_bytes_aligned!("bpf/find-early.o"),
};

/// `walk.c`.
pub(crate) const WALK: Object = Object {
    with_loops: include_bytes_aligned!("bpf/walk.o"),
    early: include_bytes_aligned!("bpf/walk-early.o"),
};

impl Object {
    /// What a kernel with `bpf_loop`, or one without it, can take.
    pub(crate) fn for_loops(self, has_loops: bool) -> &'static [u8] {
        if has_loops { self.with_loops } else { self.early }
    }
}
