//! Where the records of a table go, whoever gives them.

use crate::diag::record::Record;
use crate::diag::request::States;
use crate::model::state::State;
use crate::model::table::Table;
use crate::procfs::net;

/// Where the records of one table go.
pub(crate) trait RecordSink {
    /// A dump of the table begins, the first time or once more.
    fn begin(&mut self, table: Table);
    /// One record of the table.
    fn record(&mut self, record: Record<'_>);
}

impl<F: FnMut(Record<'_>)> RecordSink for F {
    fn begin(&mut self, _: Table) {}
    fn record(&mut self, record: Record<'_>) {
        self(record);
    }
}

/// Hands on what a file of /proc/net tells of a table: how many sockets, and how many lines could not be
/// parsed.
pub(crate) fn records_of_file(
    table: Table,
    file: &[u8],
    states: States,
    sink: &mut dyn RecordSink,
) -> (u64, u64) {
    let mut sockets = 0;
    sink.begin(table);
    let bad_lines = net::parse(table, file, |socket| {
        let is_asked_for = match states {
            States::Holding => true,
            States::Queueing => socket.state != State::BoundInactive,
            States::Listening => socket.state == State::Listen,
            States::Bound => socket.state == State::BoundInactive,
            States::None => false,
        };
        if is_asked_for {
            sockets += 1;
            sink.record(Record::of(socket));
        }
    });
    (sockets, bad_lines)
}
