//! Why a reader stands still, or is slow, as a sentence: from its process over those that keep that waiting
//! to the one at the end.

use skcheck_core::Holder;
use skcheck_core::watch::cause::{Cause, End, Fact, Link, Over, Root};
use skcheck_core::watch::evidence::Call;

use crate::output::words::cause::clause;
use crate::output::words::descriptor::descriptor;
use crate::output::words::fact::{Said, facts};
use crate::output::words::link::{blocked, one_of};
use crate::output::words::pace::reads;
use crate::output::words::sample::SampleNames;
use crate::output::words::{arrival, unreadable};
use crate::report::watch::WatchRow;
use crate::text::size;

/// The cause and its evidence, a sentence each; `None` where nobody looked for a cause.
pub(in crate::output) fn because(row: &WatchRow<'_>, names: SampleNames<'_>) -> Option<String> {
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
        Some(seen) if unreadable::unread(cause).is_some() => format!("{why}: {seen}."),
        Some(seen) => format!("{why}. Seen: {seen}."),
        None => format!("{why}."),
    })
}

/// `nginx is blocked writing to 10.0.0.20:9000 (fd 14, 2.8 MiB unsent), whose reader app (2210), fd 7, has
/// read nothing either, because it is stopped`.
fn chain(row: &WatchRow<'_>, cause: &Cause, root: &Root, names: SampleNames<'_>) -> String {
    if let (true, End::OneOf(links)) = (root.links.is_empty(), &root.end) {
        return one_of(links, &names.subject_again(row), names);
    }
    let mut text = String::new();
    for (at, link) in root.links.iter().enumerate() {
        text += &match at {
            0 => first(row, cause, link, names),
            _ => blocked(link, "it", names),
        };
        if at + 1 == root.links.len() {
            text += &last_end(link, root, names);
        } else {
            text += &format!("{}, because ", middle_end(link, root, names));
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

/// The other end of a link from which the chain goes on.
fn middle_end(link: &Link, root: &Root, names: SampleNames<'_>) -> String {
    let Some(reader) = link.reader else { return nobody(link, &root.end) };
    let does = link.pace.map_or_else(|| idle(link).to_owned(), reads);
    reader_does(link, &reader, &does, names)
}

/// The other end of the last link.
fn last_end(link: &Link, root: &Root, names: SampleNames<'_>) -> String {
    if let End::NotArriving(shown) = &root.end {
        let at = |reader: Holder| format!("at {}, {}", names.process(reader.pid), descriptor(&reader));
        let there = link.reader.map_or("there".to_owned(), at);
        return format!(", and {}", arrival::clause(*shown, &there));
    }
    let Some(reader) = link.reader else { return nobody(link, &root.end) };
    let does = match link.pace {
        _ if root.is_circle() => "does not read: it waits in this circle".to_owned(),
        Some(pace) => reads(pace),
        None if is_unaccepted(root) && !matches!(link.over, Over::Connect(_)) => {
            "has not accepted the connection".to_owned()
        }
        None => idle(link).to_owned(),
    };
    reader_does(link, &reader, &does, names)
}

/// What a reader does that does not read.
fn idle(link: &Link) -> &'static str {
    match link.over {
        Over::Connect(_) => "accepts nobody",
        _ => "has read nothing either",
    }
}

fn reader_does(link: &Link, reader: &Holder, does: &str, names: SampleNames<'_>) -> String {
    let whose = match link.over {
        Over::Connect(_) => "whose accept queue is full and whose holder",
        _ => "whose reader",
    };
    format!(", {whose} {}, {}, {does}", names.process(reader.pid), descriptor(reader))
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
fn first(row: &WatchRow<'_>, cause: &Cause, link: &Link, names: SampleNames<'_>) -> String {
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

/// A chain that begins at a writer of which it is not known that the reader waits for it.
fn unsure(row: &WatchRow<'_>, cause: &Cause, root: &Root, names: SampleNames<'_>) -> String {
    let chain = chain(row, cause, root, names);
    format!("{chain}; whether this descriptor waits for that, or another that is not read, cannot be told")
}

/// Who is at the end, where that is another: `app (2210)`.
pub(in crate::output) fn root(row: &WatchRow<'_>, names: SampleNames<'_>) -> Option<String> {
    let (end, _) = row.culprit()?;
    Some(names.process(end.pid))
}
