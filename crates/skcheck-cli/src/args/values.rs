//! Values that are typed, one parser each; each refusal says what is allowed.

use std::time::Duration;

use skcheck_core::{Missing, NetnsChoice, State};

use crate::text::{parse_duration, parse_size};

/// Below this, whoever is slow would be taken for one that does not answer.
const LEAST_TIMEOUT: Duration = Duration::from_millis(100);

/// The longest time between two looks at the packets of a socket.
const MAX_AGAIN: Duration = Duration::from_secs(3600);

/// Below this a window tells more of the scheduler than of the reader.
const SHORTEST: Duration = Duration::from_millis(100);

/// The longest time between two samples.
const LONGEST: Duration = Duration::from_secs(3600);

/// How much may belong to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ceiling {
    Size(u64),
    /// Of all memory, in thousandths of a percent.
    Share(u64),
}

/// Network namespaces: `all`, `current`, a process id, the path of a file that stands for one, or a
/// name of `ip netns`.
pub(crate) fn parse_netns(text: &str) -> Result<NetnsChoice, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text {
        "all" => Ok(NetnsChoice::All),
        "current" => Ok(NetnsChoice::Current),
        path if path.starts_with('/') => Ok(NetnsChoice::OfFile(path.into())),
        _ if is_number => match text.parse() {
            Ok(pid) if pid > 0 => Ok(NetnsChoice::OfProcess(pid)),
            _ => Err("no process has this id".to_owned()),
        },
        "" | "." | ".." => Err("name all, current, a PID, a file, or one of ip netns".to_owned()),
        name if name.contains('/') => Err("the path of a file must begin with /".to_owned()),
        name => Ok(NetnsChoice::OfFile(format!("/run/netns/{name}").into())),
    }
}

/// What may be missing without a word: a kind of gap, by its name in JSON.
pub(crate) fn parse_gap(text: &str) -> Result<Missing, String> {
    Missing::of_name(&text.replace('-', "_")).ok_or_else(|| {
        let names: Vec<&str> = Missing::all().map(Missing::name).collect();
        format!("name one of {}", names.join(", "))
    })
}

/// The time between two looks.
pub(crate) fn parse_again(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("two looks at once tell nothing".to_owned()),
        time if time > MAX_AGAIN => Err("too long: at most 1h".to_owned()),
        time => Ok(time),
    }
}

/// How long those that do not answer are waited for.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        time if time < LEAST_TIMEOUT => Err("too short: at least 100ms".to_owned()),
        time if time > MAX_AGAIN => Err("too long: at most 1h".to_owned()),
        time => Ok(time),
    }
}

/// A state by its name here or in `ss`; `-` and `_` are alike.
pub(crate) fn parse_state(text: &str) -> Result<State, String> {
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    let wanted = plain(text);
    let by_ss = match wanted.as_str() {
        "estab" => Some(State::Established),
        "unconn" | "closed" => Some(State::Close),
        "listening" => Some(State::Listen),
        _ => None,
    };
    match by_ss.or_else(|| State::ALL.into_iter().find(|state| plain(state.name()) == wanted)) {
        Some(State::TimeWait) => Err("such sockets hold no data and are never listed".to_owned()),
        Some(state) => Ok(state),
        None => {
            let listed = State::ALL.into_iter().filter(|state| *state != State::TimeWait);
            let names: Vec<String> = listed.map(|state| state.name().replace('_', "-")).collect();
            Err(format!("no such state; there are {}", names.join(", ")))
        }
    }
}

/// The time between two samples.
pub(crate) fn parse_interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        time if time < SHORTEST => Err("too short: at least 100ms".to_owned()),
        time if time > LONGEST => Err("too long: at most 1h".to_owned()),
        time => Ok(time),
    }
}

/// How long to watch.
pub(crate) fn parse_length(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        time if time < SHORTEST => Err("too short: at least 100ms".to_owned()),
        time => Ok(time),
    }
}

/// `2G`, or `5%` of the memory.
pub(crate) fn parse_ceiling(text: &str) -> Result<Ceiling, String> {
    let Some(number) = text.strip_suffix('%') else {
        return parse_size(text).map(Ceiling::Size).map_err(|why| format!("{why}, or 5% of the memory"));
    };
    let allowed = || "not a percentage: write 5%, or 0.5%, from 0% to 100%".to_owned();
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
        return Err(allowed());
    }
    let thousandths = format!("{whole}{decimals:0<3}").parse().map_err(|_| allowed())?;
    if thousandths > 100_000 { Err(allowed()) } else { Ok(Ceiling::Share(thousandths)) }
}

#[cfg(test)]
mod tests;
