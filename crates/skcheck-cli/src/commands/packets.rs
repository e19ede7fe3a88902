//! One socket, packet by packet.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use skcheck_core::engine::Limits;
use skcheck_core::host::Guarded;
use skcheck_core::packets::Listing;
use skcheck_core::{Holder, Host, packets};

use crate::args::{DocumentFormat, PacketsArgs};
use crate::commands::session::Session;
use crate::commands::{Failure, Outcome, engine};
use crate::config::packet_limit;
use crate::output;
use crate::output::packets::{Again, Look};
use crate::text::Page;

/// How many packets of a queue a table shows, unless told otherwise.
const TABLE_TOP: usize = 20;

/// Lists the packets in the queues of one socket, once or twice.
pub(crate) fn run(args: &PacketsArgs, page: Page) -> Result<Outcome, Failure> {
    let session = Session::begin(&args.roots, args.timeout.timeout)?;
    let host = &session.host;
    let bpf = engine::bpf(&session)?;
    let holder = Holder::new(args.pid, args.fd);
    let limits = Limits { packets: packet_limit(args.limit), time: None, lock: args.lock };
    let comm = comm(host, args.pid);
    let packets = || packets(host, &*bpf, holder, &limits);
    let look =
        |listing: &Listing| Look::new(holder, comm.clone(), listing.clone(), host.page_size(), &limits);

    let first = packets()?;
    let in_words = args.format == DocumentFormat::Table;
    if in_words {
        // Said before the wait, if there is one.
        write(|out| output::packets::write_answer(&look(&first), page, out))?;
    }
    let (again, last) = match args.again {
        None => (None, first),
        Some(time) => match look_again(&session, &first, time, &packets) {
            Ok((again, last)) => (Some(again), last),
            // Told to end before the last look: the first one is what there is.
            Err(_) if session.signals.code().is_some() => (None, first),
            Err(failure) => return Err(failure),
        },
    };
    let last = look(&last);
    let is_cut_short = args.again.is_some() && again.is_none();
    if in_words {
        if is_cut_short {
            write(|out| writeln!(out, "Told to end before the second look: this is the first."))?;
        }
        let top = top(args.top, Some(TABLE_TOP));
        write(|out| output::packets::write_packets(&last, again.as_ref(), top, page, out))?;
    } else {
        write(|out| output::json::packets::write(&last, again.as_ref(), top(args.top, None), out))?;
    }
    Ok(session.outcome(0))
}

/// Looks again until `time` is over. TCP's packets have sequence numbers, and one more look tells; others
/// have at most a time stamp, and most not even that: a new packet can lie where one lay that was read. So
/// these are looked at several times, at uneven intervals, and each time they must be the same.
fn look_again(
    session: &Session,
    first: &Listing,
    time: Duration,
    packets: &dyn Fn() -> Result<Listing, skcheck_core::Error>,
) -> Result<(Again, Listing), Failure> {
    /// When to look, in hundredths of the time.
    const LOOKS: [u32; 9] = [7, 19, 24, 41, 53, 62, 79, 88, 100];
    let received = first.packets.iter().filter(|packet| !packet.queue.is_sending());
    // What a program has of a ring tells of itself, too.
    let held = |listing: &Listing| listing.counters.ring.filter(|fill| fill.full > 0);
    let is_told_apart = received.into_iter().all(|packet| packet.stamp != 0) && !first.packets.is_empty()
        || held(first).is_some();
    let begun = Instant::now();
    let looks = if is_told_apart { &LOOKS[LOOKS.len() - 1..] } else { &LOOKS[..] };
    let mut taken = 0;
    loop {
        let at = time * looks.get(taken).copied().unwrap_or(100) / 100;
        session.sleep(at.saturating_sub(begun.elapsed()))?;
        let now = packets()?;
        let change = now.change_since(first);
        taken += 1;
        if !change.is_unread() || taken >= looks.len() {
            let time = if taken < looks.len() { at } else { time };
            let (errors, acknowledged) = (now.errors_since(first), now.taken_since(first));
            let ring_read = held(first).map(|was| held(&now).is_none_or(|is| is.oldest != was.oldest));
            let again = Again { time, change, errors, taken: acknowledged, looks: taken, ring_read };
            return Ok((again, now));
        }
    }
}

fn top(typed: Option<usize>, usual: Option<usize>) -> Option<usize> {
    match typed {
        Some(0) => None,
        Some(n) => Some(n),
        None => usual,
    }
}

fn comm(host: &Guarded, pid: u32) -> Option<Vec<u8>> {
    let mut comm = Vec::new();
    host.read(Path::new(&format!("/proc/{pid}/comm")), &mut comm).ok()?;
    comm.pop_if(|last| *last == b'\n');
    Some(comm)
}

fn write(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(Failure::Output)
}
