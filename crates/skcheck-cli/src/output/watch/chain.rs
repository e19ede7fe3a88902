//! Why a reader stands still, or is slow, as a sentence: from its process over those that keep that waiting
//! to the one at the end.

use skcheck_core::Holder;
use skcheck_core::watch::cause::{Cause, End, Fact, Link, Over, Pairing, Root, Wait};
use skcheck_core::watch::evidence::Call;

use crate::output::names::descriptor;
use crate::output::watch::names::Names;
use crate::output::watch::words::{Said, clause, facts, reads};
use crate::output::watch::{arrival, notes};
use crate::report::watch::Row;
use crate::text::size;

/// How many writers a sentence names of those that a process may wait for.
const MOST_CANDIDATES: usize = 3;

/// The cause and its evidence, a sentence each; `None` where nobody looked for a cause.
pub(in crate::output) fn because(row: &Row<'_>, names: Names<'_>) -> Option<String> {
    let cause = row.judged.cause.as_ref()?;
    let said = Said { queue: row.accept_queue().is_some(), writers: false };
    let (why, seen) = match &row.judged.root {
        None => {
            // Several are named above.
            let who = cause.pid.filter(|_| !row.alike().is_empty()).map(|pid| names.process(pid));
            (clause(cause, who.as_deref().unwrap_or("it")), facts(cause, said, names))
        }
        Some(root) if root.is_unsure() => {
            let own = format!("{}. {}", clause(cause, "it"), unsure(row, cause, root, names));
            (own, facts(cause, said, names))
        }
        Some(root) => {
            let own = || facts(cause, Said { writers: true, ..said }, names);
            let seen = root.cause().map_or_else(own, |end| facts(end, Said::default(), names));
            (chain(row, cause, root, names), seen)
        }
    };
    Some(match seen {
        Some(seen) if notes::unread(cause).is_some() => format!("{why}: {seen}."),
        Some(seen) => format!("{why}. Seen: {seen}."),
        None => format!("{why}."),
    })
}

/// `nginx is blocked writing to 10.0.0.20:9000 (fd 14, 2.8 MiB unsent), whose reader app (2210), fd 7, has
/// read nothing either, because it is stopped`.
fn chain(row: &Row<'_>, cause: &Cause, root: &Root, names: Names<'_>) -> String {
    let mut text = String::new();
    if let (true, End::OneOf(links)) = (root.links.is_empty(), &root.end) {
        return one_of(links, &names.subject_again(row), names);
    }
    for (at, link) in root.links.iter().enumerate() {
        let is_last = at + 1 == root.links.len();
        text += &match at {
            0 => first(row, cause, link, names),
            _ => blocked(link, "it", names),
        };
        text += &match (link.reader, &root.end) {
            (reader, End::NotArriving(shown)) if is_last => {
                let at =
                    |reader: Holder| format!("at {}, {}", names.process(reader.pid), descriptor(&reader));
                format!(", and {}", arrival::clause(*shown, &reader.map_or("there".to_owned(), at)))
            }
            (None, _) => nobody(link, &root.end),
            (Some(reader), _) => {
                let does = match link.pace {
                    _ if is_last && root.is_circle() => "does not read: it waits in this circle".to_owned(),
                    Some(pace) => reads(pace),
                    None if matches!(link.over, Over::Connect(_)) => "accepts nobody".to_owned(),
                    None if is_last && is_unaccepted(root) => "has not accepted the connection".to_owned(),
                    None => "has read nothing either".to_owned(),
                };
                let whose = match link.over {
                    Over::Connect(_) => "whose accept queue is full and whose holder",
                    _ => "whose reader",
                };
                format!(", {whose} {}, {}, {does}", names.process(reader.pid), descriptor(&reader))
            }
        };
        if !is_last {
            text += ", because ";
        }
    }
    match &root.end {
        End::Stalled(_, cause) | End::Slow(_, _, Some(cause)) => {
            text += &format!(", because {}", clause(cause, "it"));
        }
        End::OneOf(links) => text += &format!(", because {}", one_of(links, "it", names)),
        End::TooFar => text += ", and on from there: too far to be followed",
        _ => {}
    }
    text
}

/// Whether the chain ends at a connection that nobody has accepted.
fn is_unaccepted(root: &Root) -> bool {
    let is_queue = |fact: &Fact| matches!(fact, Fact::AcceptQueue { .. });
    root.cause().is_some_and(|cause| cause.evidence.iter().any(is_queue))
}

/// The other end of a link, where nobody is known to have it.
fn nobody(link: &Link, end: &End) -> String {
    let who = match end {
        End::OffHost => "which is not on this host",
        End::Hidden => "which is on this host and may not be looked at",
        _ => "which was not found among the sockets that could be looked at",
    };
    let takes = match link.taken {
        Some(bytes @ 1..) => format!("takes only {}/s", size(bytes)),
        _ => "takes nothing".to_owned(),
    };
    format!(", and the other end, {who}, {takes}")
}

/// The first link, by name; by the thread that tries to write, where evidence tells it.
fn first(row: &Row<'_>, cause: &Cause, link: &Link, names: Names<'_>) -> String {
    let writes = |fact: &Fact| match fact {
        Fact::Thread { tid, call: Some((call, fd)), .. }
            if *fd == Some(link.writer.fd) && matches!(call, Call::Write | Call::Read | Call::Connect) =>
        {
            Some(*tid)
        }
        _ => None,
    };
    let who = names.subject_again(row);
    let thread = cause.evidence.iter().find_map(writes).map(|tid| format!("{who}'s thread {tid}"));
    blocked(link, &thread.unwrap_or(who), names)
}

/// A writer that cannot write. That an event loop reads nothing because of that is no more than likely.
fn blocked(link: &Link, who: &str, names: Names<'_>) -> String {
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
fn writer(link: &Link, names: Names<'_>) -> String {
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
fn one_of(links: &[Link], who: &str, names: Names<'_>) -> String {
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

/// A chain that begins at a writer of which it is not known that the reader waits for it.
fn unsure(row: &Row<'_>, cause: &Cause, root: &Root, names: Names<'_>) -> String {
    let chain = chain(row, cause, root, names);
    format!("{chain}; whether this descriptor waits for that, or another that is not read, cannot be told")
}

/// Who is at the end, where that is another: `app (2210)`.
pub(super) fn root(row: &Row<'_>, names: Names<'_>) -> Option<String> {
    let (end, _) = row.culprit()?;
    Some(names.process(end.pid))
}
