//! One link of a chain in words: who cannot write, and where to.

use skcheck_core::watch::cause::{Link, Over, Pairing, Wait};

use crate::output::words::descriptor::descriptor;
use crate::output::words::pace::reads;
use crate::output::words::sample::SampleNames;
use crate::text::size;

/// How many writers a sentence names of those that a process may wait for.
const MOST_CANDIDATES: usize = 3;

/// A writer that cannot write. That an event loop reads nothing because of that is no more than likely.
pub(in crate::output) fn blocked(link: &Link, who: &str, names: SampleNames<'_>) -> String {
    let to = writer(link, names);
    let waits = |what: &str| match link.wait {
        Wait::OneThread if who == "it" => format!("a thread of it waits {what} {to}"),
        Wait::Poll => format!("{who} probably waits {what} {to}"),
        _ => format!("{who} waits {what} {to}"),
    };
    match link.over {
        Over::Answer(_) => return waits("for an answer from"),
        Over::Connect(_) => return waits("for a connection to"),
        _ => {}
    }
    match link.wait {
        Wait::EventLoop if link.pairing == Pairing::Unsure => format!("{who} cannot write to {to}"),
        Wait::EventLoop => format!("{who} has stopped reading, probably because it cannot write to {to}"),
        Wait::Handed => {
            let unread = link.unsent.map(|unsent| format!(" ({} unread there)", size(unsent.0)));
            let (fd, unread) = (link.writer.fd, unread.unwrap_or_default());
            format!("{who} does not ask for it: it has probably handed it on over fd {fd}{unread}")
        }
        Wait::OneThread if who == "it" => format!("a thread of it is blocked writing to {to}"),
        _ => format!("{who} is blocked writing to {to}"),
    }
}

/// `10.0.0.20:9000 (fd 14, 2.8 MiB unsent)`; `a pipe (fd 1)`, `the FIFO /run/log (fd 3)`.
pub(in crate::output) fn writer(link: &Link, names: SampleNames<'_>) -> String {
    let fd = link.writer.fd;
    let is_not = if link.over.is_written() { "unsent" } else { "unread there" };
    let unsent = link.unsent.map(|unsent| format!("{} {is_not}", size(unsent.0)));
    let by = match link.pairing {
        Pairing::Rates => "; as fast as it reads",
        Pairing::Totals => "; it wrote as much there as it read here",
        Pairing::Neighbours => "; its number makes it the likelier",
        _ => "",
    };
    match names.over(link.over) {
        Some(name) => {
            let unsent = unsent.map(|unsent| format!(", {unsent}")).unwrap_or_default();
            format!("{name} (fd {fd}{unsent}{by})")
        }
        None => match unsent {
            Some(unsent) => format!("fd {fd} ({unsent}{by})"),
            None => format!("fd {fd}"),
        },
    }
}

/// Several writers, one of which its process waits for.
pub(in crate::output) fn one_of(links: &[Link], who: &str, names: SampleNames<'_>) -> String {
    let one = |link: &Link| {
        let reader = link.reader.map_or_else(
            || "whose other end takes nothing".to_owned(),
            |reader| {
                let (whose, does) = match (link.over, link.pace) {
                    (Over::Connect(_), _) => ("holder", "accepts nobody".to_owned()),
                    (_, Some(pace)) => ("reader", reads(pace)),
                    (_, None) => ("reader", "has read nothing".to_owned()),
                };
                format!("whose {whose} {}, {}, {does}", names.process(reader.pid), descriptor(&reader))
            },
        );
        format!("{}, {reader}", writer(link, names))
    };
    let mut told: Vec<String> = links.iter().take(MOST_CANDIDATES).map(one).collect();
    let more = links.len().saturating_sub(told.len());
    if more > 0 {
        told.push(format!("{more} more"));
    }
    if links.iter().all(|link| link.wait == Wait::Handed) {
        let told = told.join("; ");
        return format!("{who} does not ask for it, and has probably handed it on to one of several: {told}");
    }
    let does = match links.iter().map(|link| link.wait).find(|wait| *wait != Wait::EventLoop) {
        Some(_) if !links.iter().any(|link| link.over.is_written()) => {
            "waits for one of several, and for which of these cannot be told"
        }
        Some(_) => {
            "has threads that are blocked writing to several, and for which of these it waits cannot be told"
        }
        None => {
            "has stopped reading, probably because it cannot write to one of several, and which of these cannot \
             be told"
        }
    };
    format!("{who} {does}: {}", told.join("; "))
}
