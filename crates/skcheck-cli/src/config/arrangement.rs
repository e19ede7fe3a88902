//! How a report is sorted, grouped and cut.

use crate::args::{ByArg, Format, OutputArgs, SortArg};
use crate::config::limit::{TABLE_TOP, limit};
use crate::report::scan::{Arrangement, GroupBy, SortKey};

/// How many sockets a table shows of each process, unless told otherwise.
const TABLE_PER_PROCESS: usize = 3;

/// What these arguments mean.
pub(super) fn arrangement(output: &OutputArgs) -> Arrangement {
    let usual = |in_tables: usize| (output.format == Format::Table).then_some(in_tables);
    Arrangement {
        sort: sort_key(output.sort),
        by: group_by(output.by),
        top: limit(output.top, usual(TABLE_TOP)),
        per_process: limit(output.per_process, usual(TABLE_PER_PROCESS)),
    }
}

fn sort_key(typed: SortArg) -> SortKey {
    match typed {
        SortArg::Pinned => SortKey::Pinned,
        SortArg::Charged => SortKey::Charged,
        SortArg::Worst => SortKey::Worst,
        SortArg::Recvq => SortKey::RecvQ,
        SortArg::Sendq => SortKey::SendQ,
        SortArg::Unread => SortKey::Unread,
        SortArg::Pid => SortKey::Pid,
    }
}

fn group_by(typed: ByArg) -> GroupBy {
    match typed {
        ByArg::Process => GroupBy::Process,
        ByArg::Socket => GroupBy::Socket,
        ByArg::Container => GroupBy::Container,
        ByArg::Pod => GroupBy::Pod,
        ByArg::Netns => GroupBy::Netns,
        ByArg::Cgroup => GroupBy::Cgroup,
    }
}
