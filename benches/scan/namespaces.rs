//! Hosts with many network namespaces: how long a scan of all takes, and what the others cost beside
//! one with very many sockets.

use std::fmt::Write;
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use skcheck_core::{Live, NetnsChoice, Query, scan};

use crate::series::quartiles;

/// First argument of this program as the only process of a namespace.
pub(crate) const ALONE: &str = "__alone";

/// A process in a namespace of its own, with sockets there. Ends when this is dropped.
pub(crate) struct Made(Child);

impl Drop for Made {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes namespaces of nine sockets each: two TCP connections with their listener, two UDP sockets
/// and a unix pair. Without `connections`, the UDP and unix sockets alone.
pub(crate) fn make(count: usize, connections: bool) -> io::Result<Vec<Made>> {
    let one = |_| {
        let mut child = Command::new("unshare")
            .arg("--net")
            .arg(std::env::current_exe()?)
            .args([ALONE, if connections { "with" } else { "without" }])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        crate::holder::wait_until_ready(&mut child)?;
        Ok(Made(child))
    };
    (0..count).map(one).collect()
}

/// Holds the sockets of one namespace.
pub(crate) fn alone(connections: &str) -> io::Result<()> {
    crate::holder::run("ip", &["link", "set", "lo", "up"])?;
    let mut tcp = Vec::new();
    let mut listener = None;
    if connections == "with" {
        let listens = TcpListener::bind("127.0.0.1:0")?;
        for _ in 0..2 {
            tcp.push(TcpStream::connect(listens.local_addr()?)?);
            tcp.push(listens.accept()?.0);
        }
        listener = Some(listens);
    }
    let udp = (0..2).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<io::Result<Vec<_>>>()?;
    let unix = UnixStream::pair()?;
    crate::holder::hold_until_the_end((tcp, listener, udp, unix))
}

/// What was measured. Times are milliseconds: first quartile, median, third quartile.
pub(crate) struct Row {
    name: String,
    namespaces: usize,
    sockets: u64,
    all: [f64; 3],
    one: [f64; 3],
    ratio: [f64; 3],
}

/// Scans all namespaces and this one alone, in turn.
pub(crate) fn measure(name: &str, pairs: usize) -> io::Result<Row> {
    let timed = |choice: NetnsChoice| -> io::Result<(f64, skcheck_core::Snapshot)> {
        let mut query = Query::default();
        query.netns = choice;
        let started = Instant::now();
        let snapshot = scan(&Live::new(), &query).map_err(io::Error::other)?;
        Ok((started.elapsed().as_secs_f64() * 1e3, snapshot))
    };
    let snapshot = timed(NetnsChoice::All)?.1;
    timed(NetnsChoice::Current)?;
    let (mut all, mut one, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..pairs {
        let (every, current) = if pair % 2 == 0 {
            let every = timed(NetnsChoice::All)?.0;
            (every, timed(NetnsChoice::Current)?.0)
        } else {
            let current = timed(NetnsChoice::Current)?.0;
            (timed(NetnsChoice::All)?.0, current)
        };
        all.push(every);
        one.push(current);
        ratios.push(every / current);
    }
    Ok(Row {
        name: name.to_owned(),
        namespaces: snapshot.namespaces.len(),
        sockets: snapshot.scanned.sockets,
        all: quartiles(all),
        one: quartiles(one),
        ratio: quartiles(ratios),
    })
}

impl Row {
    /// One line, for the process outside.
    pub(crate) fn serialize(&self) -> String {
        let Row { name, namespaces, sockets, all, one, ratio } = self;
        let numbers: Vec<String> = [all, one, ratio].into_iter().flatten().map(f64::to_string).collect();
        format!("namespaces\t{name}\t{namespaces}\t{sockets}\t{}", numbers.join("\t"))
    }

    pub(crate) fn parse(text: &str) -> Option<Row> {
        let mut words = text.lines().find_map(|line| line.strip_prefix("namespaces\t"))?.split('\t');
        let name = words.next()?.to_owned();
        let (namespaces, sockets) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let mut three =
            || Some([words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?]);
        Some(Row { name, namespaces, sockets, all: three()?, one: three()?, ratio: three()? })
    }
}

pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| host | namespaces | sockets | all (quartiles) | its own alone | all / own (quartiles) |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    for Row { name, namespaces, sockets, all, one, ratio } in rows {
        let [low, median, high] = all;
        let [least, middle, most] = ratio;
        let _ = writeln!(
            text,
            "| {name} | {namespaces} | {sockets} | {median:.1} ms ({low:.1} to {high:.1}) | {:.1} ms | {middle:.2} ({least:.2} to {most:.2}) |",
            one[1],
        );
    }
    text
}

/// What is to be reached, and what was.
pub(crate) fn verdicts(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut say = |what: &str, reached: f64, most: f64| {
        let word = if reached <= most { "reached" } else { "MISSED" };
        let _ = writeln!(text, "- {what}: {reached:.2} of at most {most}: {word}");
    };
    for row in rows {
        if row.namespaces > 500 {
            say(&format!("{}, ms", row.name), row.all[1], 1000.0);
        } else if row.sockets > 100_000 {
            say(&format!("{}, all / own", row.name), row.ratio[1], 1.5);
        }
    }
    text
}
