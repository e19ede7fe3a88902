//! What the marks in a table mean.

use crate::output::table::scan::cells::{SENDING, ScanCells};
use crate::output::table::scan::numbers::NOT_MEASURED;
use crate::output::words::names::INFERRED;
use crate::text::Charset;

/// What the marks mean that the table uses.
pub(super) fn legend(rows: &[ScanCells], charset: Charset) -> Vec<String> {
    let uses = |cells: &[fn(&ScanCells) -> &String], mark: &str| {
        rows.iter().any(|row| cells.iter().any(|cell| cell(row).starts_with(mark)))
    };
    let (least, most) = (charset.at_least(), charset.at_most());
    let mut legend = Vec::new();
    if uses(&[|row| &row.recv_q, |row| &row.send_q], most) {
        legend
            .push(format!("{most} in a queue: memory that the kernel counts there (truesize), not payload."));
    }
    if uses(&[|row| &row.recv_q, |row| &row.send_q, |row| &row.charged, |row| &row.worst], least) {
        legend.push(format!(
            "{least}: at least; a part is unknown. Of unix datagrams RECV-Q tells the first only."
        ));
    }
    if uses(&[|row| &row.charged, |row| &row.worst], charset.about()) {
        legend.push(format!(
            "{}: about; what senders of unix datagrams are charged can belong to other readers too.",
            charset.about()
        ));
    }
    legend.extend(about_pinned(rows, charset));
    if uses(&[|row| &row.charged], SENDING) {
        let others = if rows.iter().all(|row| row.pinned.is_empty()) {
            "this and WORST are"
        } else {
            "this, PINNED and WORST are"
        };
        legend.push(format!(
            "{SENDING}in CHARGED: {others} for sent data that the peer has not taken, the larger side here."
        ));
    }
    if uses(&[|row| &row.peer_process], INFERRED) {
        legend.push(format!("{INFERRED}: in another network namespace, found by the two addresses alone."));
    }
    if rows.iter().any(|row| [&row.recv_q, &row.charged].iter().any(|cell| cell.as_str() == "?")) {
        legend.push("?: unknown, which is not zero.".to_owned());
    }
    legend
}

/// What the marks of the column PINNED mean.
fn about_pinned(rows: &[ScanCells], charset: Charset) -> Option<String> {
    let marks = [
        (charset.at_least(), "more was not walked, or lies elsewhere"),
        (charset.at_most(), "sockets share some of these pages"),
        (charset.about(), "it changed meanwhile, or only a part is known"),
        (NOT_MEASURED, "not measured"),
    ];
    let used = marks.iter().filter(|(mark, _)| rows.iter().any(|row| row.pinned.starts_with(mark)));
    let told: Vec<String> = used.map(|(mark, meaning)| format!("{mark} {meaning}")).collect();
    (!told.is_empty()).then(|| format!("PINNED was measured: {}.", told.join("; ")))
}
