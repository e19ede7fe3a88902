//! What a scan was asked for, as far as its report depends on it.

use skcheck_core::Query;
use skcheck_core::engine::Limits;

/// What a scan was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScanRequest<'a> {
    pub(crate) query: &'a Query,
    pub(crate) kind: ScanKind,
    /// How far queues are walked.
    pub(crate) limits: Limits,
    pub(crate) arrangement: Arrangement,
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanKind {
    /// All sockets that match.
    Whole,
    /// Only readers that stand still, with the reason.
    Stalled,
    /// The same, cut short before there was anything to compare: all sockets that match.
    FirstLook,
    /// What a demonstration has made, which ends with the report: there is nothing more to ask about it.
    Demo,
}

/// How a report is sorted, grouped and cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrangement {
    pub(crate) sort: SortKey,
    pub(crate) by: GroupBy,
    /// How many owners (or sockets) to show; `None`: all.
    pub(crate) top: Option<usize>,
    /// How many sockets of each owner to show; `None`: all.
    pub(crate) per_process: Option<usize>,
}

/// What the heaviest has most of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SortKey {
    Pinned,
    Charged,
    Worst,
    RecvQ,
    SendQ,
    Unread,
    Pid,
}

/// What there is a block for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupBy {
    Process,
    /// No blocks: a flat list.
    Socket,
    Container,
    Pod,
    Netns,
    Cgroup,
}

impl ScanRequest<'_> {
    /// Everything is to be measured, however long it takes.
    pub(crate) fn is_exact(&self) -> bool {
        self.limits.time.is_none()
    }

    /// Whether the report leaves sockets out that hold something.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.kind == ScanKind::Stalled || leaves_out(self.query)
    }

    /// Whether only readers were wanted that stand still.
    pub(crate) fn is_about_stalled(&self) -> bool {
        matches!(self.kind, ScanKind::Stalled | ScanKind::FirstLook)
    }
}

/// Whether a query leaves out sockets that hold something.
pub(super) fn leaves_out(query: &Query) -> bool {
    let mut query = query.clone();
    (query.include_idle, query.deep) = (false, false);
    query != Query::default()
}
