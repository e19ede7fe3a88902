//! Full buffers, and what was dropped, in words.

use skcheck_core::{Direction, Holding, Occupancy, RecvQueue, Socket, SocketEntry};

use crate::report::scan::{Owner, OwnerGroup};
use crate::report::shown_side;
use crate::text::{capitalised, count, counted, grouped, percent, size};

/// `buffer full (8 MiB of 8 MiB)` and `5447 dropped`, of what the table shows of a socket; empty where there
/// is room and nothing was dropped.
pub(in crate::output) fn notes(report: &SocketEntry) -> Vec<String> {
    let socket = &report.socket;
    let full = match shown_side(report) {
        // Nobody writes any more.
        Direction::Sent if report.holding == Holding::Orphan => None,
        Direction::Sent => send_buffer(socket),
        Direction::Received => buffer(socket),
    };
    full.into_iter().chain(dropped(socket)).collect()
}

/// `buffer full (8 MiB of 8 MiB)`, `accept queue full (129, limit 128)`; `None` where there is room.
pub(in crate::output) fn buffer(socket: &Socket) -> Option<String> {
    let room = socket.receive_occupancy()?;
    if is_listener(socket) {
        return room.is_full.then(|| format!("accept queue full ({}, limit {})", room.used, room.limit));
    }
    used("buffer", room)
}

fn send_buffer(socket: &Socket) -> Option<String> {
    used("send buffer", socket.send_occupancy()?)
}

fn used(name: &str, room: Occupancy) -> Option<String> {
    let of = format!("({} of {})", size(room.used), size(room.limit));
    match (room.is_full, room.is_tight()) {
        (true, _) => Some(format!("{name} full {of}")),
        (false, true) => Some(format!("{name} {} full {of}", percent(room.used, room.limit))),
        (false, false) => None,
    }
}

/// `5447 dropped`, since the socket was made; `None` where nothing was.
fn dropped(socket: &Socket) -> Option<String> {
    let drops = lost(socket)?;
    Some(match is_listener(socket) {
        true => format!("{} dropped", counted(drops.into(), "connection attempt")),
        false => format!("{} dropped", grouped(drops.into())),
    })
}

/// `its buffer is full (8 MiB of 8 MiB), and 5447 packets were dropped so far`, as a clause; `None` where
/// there is room and nothing was dropped.
pub(in crate::output) fn clause(socket: &Socket) -> Option<String> {
    let told: Vec<String> = is_full(socket).into_iter().chain(drops(socket, None)).collect();
    (!told.is_empty()).then(|| told.join(", and "))
}

/// The same as a sentence behind another. `per_second` is how many are dropped now, where that is known.
pub(in crate::output) fn sentence(socket: &Socket, per_second: Option<u64>) -> String {
    // How many wait at a listener, and how many may, is told already.
    let full = is_full(socket).filter(|_| !is_listener(socket));
    let told: Vec<String> = full.into_iter().chain(drops(socket, per_second)).collect();
    if told.is_empty() { String::new() } else { format!(" {}.", capitalised(&told.join(", and "))) }
}

fn is_full(socket: &Socket) -> Option<String> {
    let Occupancy { used, limit, .. } = socket.receive_occupancy().filter(|room| room.is_full)?;
    Some(match is_listener(socket) {
        true => format!("its accept queue is full ({used}, limit {limit})"),
        false => format!("its buffer is full ({} of {})", size(used), size(limit)),
    })
}

fn drops(socket: &Socket, per_second: Option<u64>) -> Option<String> {
    let drops = lost(socket)?;
    let noun = if is_listener(socket) { "connection attempt" } else { "packet" };
    let so_far = counted(drops.into(), noun);
    Some(match (per_second, drops) {
        (Some(rate @ 1..), _) => {
            format!("{} are dropped a second ({} so far)", counted(rate, noun), grouped(drops.into()))
        }
        (_, 1) => format!("{so_far} was dropped so far"),
        _ => format!("{so_far} were dropped so far"),
    })
}

/// The sentence about the fullest of a group's sockets, with its descriptor where there are several.
pub(in crate::output) fn of_group(group: &OwnerGroup<'_>) -> Option<String> {
    let fullest = |report: &&&SocketEntry| {
        let room = report.socket.receive_occupancy();
        (room.is_some_and(|room| room.is_full), lost(&report.socket), room.map_or(0, |room| room.used))
    };
    let told = group.sockets.iter().max_by_key(fullest)?;
    let clause = clause(&told.socket)?;
    let fd = match group.owner {
        Owner::Process(pid) if group.sums.sockets > 1 => {
            told.holders.iter().find(|holder| holder.pid == pid).map(|holder| holder.fd)
        }
        _ => None,
    };
    Some(match fd {
        Some(fd) => format!("At fd {fd}, {clause}."),
        None => format!("{}.", capitalised(&clause)),
    })
}

/// How many buffers of all these sockets are full, and what they dropped.
pub(in crate::output) fn totals(sockets: &[SocketEntry]) -> Option<String> {
    let is_full = |report: &&SocketEntry| report.socket.receive_occupancy().is_some_and(|room| room.is_full);
    let full: Vec<&SocketEntry> = sockets.iter().filter(is_full).collect();
    let queues = full.iter().filter(|report| is_listener(&report.socket)).count() as u64;
    let buffers = full.len() as u64 - queues;
    let told = [(buffers, "receive buffer"), (queues, "accept queue")];
    let told: Vec<String> = told.iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(*n, what)).collect();
    let (listeners, others): (Vec<&Socket>, Vec<&Socket>) =
        sockets.iter().map(|report| &report.socket).partition(|socket| is_listener(socket));
    let drops =
        |of: Vec<&Socket>| of.into_iter().filter_map(lost).map(u64::from).fold(0, u64::saturating_add);
    let dropped = [(drops(others), "packet"), (drops(listeners), "connection attempt")];
    let dropped: Vec<String> =
        dropped.iter().filter(|(n, _)| *n > 0).map(|(n, what)| counted(*n, what)).collect();
    match (told.as_slice(), dropped.as_slice()) {
        ([], []) => None,
        (told, []) => Some(format!("Full: {}.", told.join(" and "))),
        ([], dropped) => Some(format!("Dropped there so far: {}.", dropped.join(" and "))),
        (told, dropped) => {
            Some(format!("Full: {}; dropped there so far: {}.", told.join(" and "), dropped.join(" and ")))
        }
    }
}

/// What a socket has dropped, if anything: of a connection that is acknowledged nothing counts, since it is sent again.
fn lost(socket: &Socket) -> Option<u32> {
    let is_sent_again = socket.protocol.is_acknowledged() && !is_listener(socket);
    socket.skmem.drops.filter(|drops| *drops > 0 && !is_sent_again)
}

fn is_listener(socket: &Socket) -> bool {
    matches!(socket.recv_q, RecvQueue::Connections(_))
}
