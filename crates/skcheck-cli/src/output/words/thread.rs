//! What a thread does, in words.

use skcheck_core::watch::evidence::{Call, Interest};

use crate::output::words::sample::SampleNames;

/// The letter of a state, and what it means.
pub(in crate::output) fn state_words(state: u8) -> String {
    let words = match state {
        b'R' => "running",
        b'S' => "sleeping",
        b'D' => "uninterruptible sleep",
        b'T' => "stopped",
        b't' => "stopped by a tracer",
        b'Z' => "ended",
        b'X' => "dead",
        b'I' => "idle",
        _ => "unknown here",
    };
    format!("{} ({words})", char::from(state).escape_default())
}

/// What a thread does.
pub(in crate::output) fn thread(
    tid: u32,
    state: u8,
    call: Option<(Call, Option<u32>)>,
    wchan: Option<&[u8]>,
    names: SampleNames<'_>,
) -> String {
    let is = match state {
        b'R' => "runs".to_owned(),
        b'S' => "sleeps".to_owned(),
        b'D' => "cannot be interrupted".to_owned(),
        b'T' | b't' => "is stopped".to_owned(),
        state => format!("is in state {}", char::from(state).escape_default()),
    };
    let call = call.map(|(call, fd)| format!(" {}", call_words(call, fd))).unwrap_or_default();
    let wchan = wchan.filter(|name| !name.is_empty() && *name != b"0");
    let wchan = wchan.map(|name| format!(" ({})", names.escape(name))).unwrap_or_default();
    format!("thread {tid} {is}{call}{wchan}")
}

fn call_words(call: Call, fd: Option<u32>) -> String {
    let at = |words: &str, without: &str| match fd {
        Some(fd) => format!("{words} fd {fd}"),
        None => without.to_owned(),
    };
    match call {
        Call::Read => at("reading from", "reading"),
        Call::Write => at("writing to", "writing"),
        Call::EpollWait => at("in epoll_wait on", "in epoll_wait"),
        Call::Poll => "in poll or select".to_owned(),
        Call::Accept => at("in accept on", "in accept"),
        Call::Connect => at("connecting", "connecting"),
        Call::File => at("in a call about the file at", "in a call about a file"),
        Call::Futex => "waiting for another thread (futex)".to_owned(),
        Call::Sleep => "in a timed sleep".to_owned(),
        Call::Wait => "waiting for a child".to_owned(),
        Call::Signal => "waiting for a signal".to_owned(),
        _ => "in another system call".to_owned(),
    }
}

/// The events of an epoll interest by their names; those without one in hexadecimal.
pub(in crate::output) fn events_words(events: u32) -> String {
    const NAMES: [(u32, &str); 8] = [
        (Interest::IN, "EPOLLIN"),
        (Interest::OUT, "EPOLLOUT"),
        (1 << 1, "EPOLLPRI"),
        (1 << 13, "EPOLLRDHUP"),
        (Interest::EDGE, "EPOLLET"),
        (Interest::ONESHOT, "EPOLLONESHOT"),
        (1 << 28, "EPOLLEXCLUSIVE"),
        (1 << 29, "EPOLLWAKEUP"),
    ];
    // The kernel adds these to every interest: they tell nothing.
    const ALWAYS: u32 = 1 << 3 | 1 << 4;
    let mut words: Vec<String> =
        NAMES.iter().filter(|(bit, _)| events & bit != 0).map(|(_, name)| (*name).to_owned()).collect();
    let known = NAMES.iter().fold(ALWAYS, |known, (bit, _)| known | bit);
    if events & !known != 0 {
        words.push(format!("{:#x}", events & !known));
    }
    if words.is_empty() { "no events".to_owned() } else { words.join(", ") }
}
