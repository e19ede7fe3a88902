//! One socket, packet by packet.

use std::time::{Duration, Instant};

use skcheck_core::packets::Listing;
use skcheck_core::{Host, packets};

use crate::commands::failure::{Failure, Outcome};
use crate::commands::session::Session;
use crate::commands::{engine, stdout};
use crate::config::{DocumentFormat, PacketsConfig};
use crate::output::{json, table};
use crate::report::packets::{PacketsReport, RepeatedLook, is_told_apart};

/// Lists the packets in the queues of one socket, once or twice.
pub(crate) fn run(config: &PacketsConfig) -> Result<Outcome, Failure> {
    let session = Session::begin(&config.roots, config.timeout)?;
    let host = &session.host;
    let bpf = engine::bpf(&session)?;
    let packets = || packets(host, &*bpf, config.holder, &config.limits);
    let report = |listing: &Listing| {
        PacketsReport::new(config.holder, listing.clone(), host.page_size(), &config.limits)
    };

    let first = packets()?;
    if config.format == DocumentFormat::Table {
        // Said before the wait, if there is one.
        stdout::write(|out| table::packets::write_answer(&report(&first), config.page, out))?;
    }
    let (again, last) = match config.again {
        None => (None, first),
        Some(time) => match look_again(&session, &first, time, &packets) {
            Ok((again, last)) => (Some(again), last),
            // Told to end before the last look: the first one is what there is.
            Err(_) if session.signals.code().is_some() => (None, first),
            Err(failure) => return Err(failure),
        },
    };
    write(&report(&last), again.as_ref(), config)?;
    Ok(session.outcome(0))
}

/// Writes what has not been written.
fn write(
    report: &PacketsReport,
    again: Option<&RepeatedLook>,
    config: &PacketsConfig,
) -> Result<(), Failure> {
    stdout::write(|out| match config.format {
        DocumentFormat::Json => json::packets::write(report, again, config.top, out),
        DocumentFormat::Table => {
            if config.again.is_some() && again.is_none() {
                table::packets::write_cut_short(out)?;
            }
            table::packets::write_packets(report, again, config.top, config.page, out)
        }
    })
}

/// Looks again until `time` is over. TCP's packets have sequence numbers, and one more look tells; others
/// have at most a time stamp, and most not even that: a new packet can lie where one lay that was read. So
/// these are looked at several times, at uneven intervals, and each time they must be the same.
fn look_again(
    session: &Session,
    first: &Listing,
    time: Duration,
    packets: &dyn Fn() -> Result<Listing, skcheck_core::Error>,
) -> Result<(RepeatedLook, Listing), Failure> {
    /// When to look, in hundredths of the time.
    const LOOKS: [u32; 9] = [7, 19, 24, 41, 53, 62, 79, 88, 100];
    let begun = Instant::now();
    let looks = if is_told_apart(first) { &LOOKS[LOOKS.len() - 1..] } else { &LOOKS[..] };
    let mut taken = 0;
    loop {
        let at = time * looks.get(taken).copied().unwrap_or(100) / 100;
        session.sleep(at.saturating_sub(begun.elapsed()))?;
        let now = packets()?;
        taken += 1;
        if !now.change_since(first).is_unread() || taken >= looks.len() {
            let time = if taken < looks.len() { at } else { time };
            return Ok((RepeatedLook::new(first, &now, time, taken), now));
        }
    }
}
