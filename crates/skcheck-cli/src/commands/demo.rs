//! The whole point within five seconds: a child makes a stalled reader, and its report is shown.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use skcheck_core::host::{Budget, Guarded};
use skcheck_core::memory::ledger::OwnerGroup;
use skcheck_core::{Host, Query, Snapshot, memory};

use crate::args::{By, DemoArgs, Format, FragmentsArg, RootArgs, SortKey};
use crate::commands::session::Session;
use crate::commands::{Failure, Outcome, own, scan};
use crate::config::{Arrangement, Measuring, Page, ScanConfig};
use crate::output::paragraph::write_paragraph;
use crate::stall::{CHUNK, StalledReader};
use crate::text::size;

/// How many times what may be pinned must be available.
const RESERVE: u64 = 4;

/// How long the child may take to make its reader.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the child says when its reader stalls.
const READY: &str = "ready";

/// Makes a stalled reader in a child, shows the report of it, and cleans up.
pub(crate) fn run(args: &DemoArgs, page: Page) -> Result<Outcome, Failure> {
    let roots = RootArgs { host_root: "/".into(), proc: "/proc".into() };
    let session = Session::begin(&roots, Budget::USUAL)?;
    let host = &session.host;
    let fragments = args.fragments.fragments;
    let made = u64::from(fragments) * CHUNK as u64;
    refuse_when_short(meminfo(host, "MemAvailable"), made)?;
    let before = free_memory(host);
    let child = Staller::start(fragments)?;
    let after = free_memory(host);
    let pid = child.child.id();

    let mut query = Query::default();
    query.pids = vec![pid];
    let mut config = ScanConfig {
        missing_pid: None,
        query,
        measuring: Measuring::usual(),
        roots,
        timeout: Budget::USUAL,
        narrowed: true,
        arrangement: Arrangement { sort: SortKey::Pinned, by: By::Process, top: None, per_process: None },
        format: args.format,
        page,
        wide: false,
        verbose: false,
        loading: Duration::ZERO,
        stalled: false,
        ends: true,
        exit_code: false,
        strict: false,
    };
    let snapshot = scan::measured(&session, &mut config)?;
    if args.format == Format::Table {
        let made = Made { bytes: made, pinned: measured(&snapshot), unread: unread(&snapshot) };
        let story = story(host, pid, &made, before.zip(after));
        let mut out = io::stdout().lock();
        write_paragraph(&mut out, &story, 0, page).and_then(|()| writeln!(out)).map_err(Failure::Output)?;
    }
    scan::write(host, &snapshot, &config)?;
    child.end()?;
    if args.format == Format::Table {
        let next = "Next: skcheck (who holds what on this host)";
        writeln!(io::stdout(), "\nThe child has ended, and its sockets are closed.\n{next}")
            .map_err(Failure::Output)?;
    }
    Ok(session.outcome(0))
}

/// The child's side: makes the reader, says so, and holds it until standard input ends, which it
/// does with the parent, however that ends.
pub(crate) fn hold(args: FragmentsArg) -> Result<Outcome, Failure> {
    let stalled = StalledReader::make(args.fragments as usize)
        .map_err(|error| cannot("make a stalled reader on loopback", &error))?;
    std::thread::sleep(ACKNOWLEDGED);
    writeln!(io::stdout(), "{READY}").map_err(Failure::Output)?;
    let _ = io::stdin().read_to_end(&mut Vec::new());
    drop(stalled);
    Ok(Outcome { code: 0 })
}

/// After this long the last acknowledgements have come (`TCP_DELACK_MIN` is 40 ms), and nothing
/// unsent distracts from what is unread.
const ACKNOWLEDGED: Duration = Duration::from_millis(100);

/// The child, and what keeps it alive: our end of its standard input.
struct Staller {
    child: Child,
}

impl Staller {
    fn start(fragments: u32) -> Result<Staller, Failure> {
        let mut child = own::program()
            .args(["hold-stalled-reader", "--fragments", &fragments.to_string()])
            // A terminal's Ctrl-C is for the parent: the child ends with that.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| cannot("start a child process", &error))?;
        let output = child.stdout.take();
        let staller = Staller { child };
        let line = output.map(|output| first_line(output, PATIENCE)).transpose();
        match line.map_err(|error| cannot("start a thread", &error))?.flatten() {
            Some(line) if line.trim_end() == READY => Ok(staller),
            _ => Err(Failure::Cannot {
                what: format!("the child did not make its stalled reader within {} s", PATIENCE.as_secs()),
                remedy: "loopback may be slow or its buffers small here: try fewer --fragments".to_owned(),
            }),
        }
    }

    /// Lets the child go, and waits until it has gone.
    fn end(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        self.child.wait().map(drop).map_err(|error| cannot("wait for the child", &error))
    }
}

impl Drop for Staller {
    fn drop(&mut self) {
        // Nothing happens to a child that has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `None` where none comes in time.
fn first_line(output: ChildStdout, patience: Duration) -> io::Result<Option<String>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::Builder::new().spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        let _ = sender.send(read.map(|_| line));
    })?;
    Ok(receiver.recv_timeout(patience).ok().and_then(Result::ok))
}

fn refuse_when_short(available: Option<u64>, pinned: u64) -> Result<(), Failure> {
    let wanted = pinned.saturating_mul(RESERVE);
    match available {
        Some(available) if available >= wanted => Ok(()),
        available => Err(Failure::Cannot {
            what: format!(
                "the demonstration may pin {} and wants {} available; there is {}",
                size(pinned),
                size(wanted),
                available.map_or_else(|| "no telling (/proc/meminfo)".to_owned(), size)
            ),
            remedy: "try fewer --fragments: each can pin 32 KiB".to_owned(),
        }),
    }
}

/// What was made, and what came of it.
struct Made {
    /// All chunks that it was carved from.
    bytes: u64,
    /// The unread bytes that the report has, and at how many sockets.
    unread: (u64, usize),
    /// What they pin, as it was measured.
    pinned: Option<u64>,
}

fn unread(snapshot: &Snapshot) -> (u64, usize) {
    let payloads = snapshot.sockets.iter().filter_map(|report| report.footprint.received.payload);
    let payloads = payloads.map(|payload| payload.0).filter(|payload| *payload > 0);
    payloads.fold((0, 0), |(bytes, sockets), payload| (bytes + payload, sockets + 1))
}

/// What all that was reported pins, where every socket with something unread was measured.
fn measured(snapshot: &Snapshot) -> Option<u64> {
    let totals = snapshot.totals();
    let is_whole = totals.measured >= unread(snapshot).1 as u64;
    totals.pinned.map(|pinned| pinned.0).filter(|_| is_whole)
}

impl Made {
    /// What keeps how much, and how that is known.
    fn told(&self) -> String {
        let made = size(self.bytes);
        match self.pinned {
            Some(pinned) if pinned.abs_diff(self.bytes) <= self.bytes / 20 => {
                format!("and keeps it: they pin {}, measured", size(pinned))
            }
            Some(pinned) if pinned > self.bytes => {
                format!("{made} in all: they pin {}, measured", size(pinned))
            }
            Some(pinned) => format!(
                "{made} in all. The kernel has copied them together since, as it does where a receive buffer is \
                 full: they pin {}, measured",
                size(pinned)
            ),
            None => format!("and can keep it, {made} in all; that was not measured"),
        }
    }
}

/// What was made, and what the usual numbers say about it.
fn story(host: &Guarded, pid: u32, made: &Made, free: Option<(u64, u64)>) -> String {
    let pinned = made.pinned.unwrap_or(made.bytes);
    let rss = read(host, &format!("/proc/{pid}/status")).and_then(|file| kibibytes(&file, "VmRSS"));
    let rss = rss.map_or_else(|| "unknown".to_owned(), size);
    let fell = match free {
        None => "how free memory changed cannot be read here".to_owned(),
        Some((before, after)) => match before.checked_sub(after) {
            Some(fell) if fell.abs_diff(pinned) <= pinned / 10 => {
                format!("free memory fell by {}", size(fell))
            }
            // Others take and give back memory all the time.
            _ => "how far that lets free memory fall cannot be seen, as others took or gave back as much meanwhile"
                .to_owned(),
        },
    };
    let (unread, sockets) = made.unread;
    let places = if sockets > 1 { format!(" at {sockets} sockets") } else { String::new() };
    format!(
        "A child process (pid {pid}) holds {}{places}. Each was sent from a chunk of 32 KiB \
         of its own, {}. The child's RSS is {rss}; {fell}. No process owns that memory. This is how skcheck \
         shows it:",
        if unread == 1 { "1 unread byte".to_owned() } else { format!("{unread} unread bytes") },
        made.told()
    )
}

/// Memory that nobody uses, in bytes, with what the CPUs keep in free lists of their own: chunks of 32 KiB
/// come from there first (`rmqueue_pcplist`).
fn free_memory(host: &Guarded) -> Option<u64> {
    Some(memory(host, None).ok()?.ledger.group(OwnerGroup::Free).0)
}

fn meminfo(host: &Guarded, field: &str) -> Option<u64> {
    kibibytes(&read(host, "/proc/meminfo")?, field)
}

/// The value in bytes of a line such as `MemFree:  123 kB`.
fn kibibytes(file: &str, field: &str) -> Option<u64> {
    let line = file.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

fn read(host: &Guarded, path: &str) -> Option<String> {
    let mut file = Vec::new();
    host.read(Path::new(path), &mut file).ok()?;
    Some(String::from_utf8_lossy(&file).into_owned())
}

fn cannot(what: &str, error: &io::Error) -> Failure {
    Failure::Cannot {
        what: format!("cannot {what}: {error}"),
        remedy: "the demonstration needs loopback TCP, /proc and a second process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_when_memory_is_short() {
        assert!(refuse_when_short(Some(256 << 20), 64 << 20).is_ok());
        let refusal = refuse_when_short(Some((256 << 20) - 1), 64 << 20).unwrap_err().to_string();
        assert!(
            refusal.contains("may pin 64 MiB and wants 256 MiB available; there is 256 MiB"),
            "{refusal}"
        );
        assert!(refusal.contains("\n  try fewer --fragments"), "{refusal}");
        assert!(refuse_when_short(None, 1).unwrap_err().to_string().contains("no telling"));
    }

    #[test]
    fn states_what_was_measured() {
        let told = |pinned| Made { bytes: 64 << 20, unread: (2048, 1), pinned }.told();
        assert_eq!(told(Some(64 << 20)), "and keeps it: they pin 64 MiB, measured");
        assert!(
            told(Some(17 * CHUNK as u64)).contains("since, as it does"),
            "{}",
            told(Some(17 * CHUNK as u64))
        );
        assert!(told(Some(17 * CHUNK as u64)).ends_with("they pin 544 KiB, measured"));
        assert_eq!(told(None), "and can keep it, 64 MiB in all; that was not measured");
    }

    #[test]
    fn reads_lines_of_proc() {
        let file = "MemTotal:   1 kB\nMemFree:  2048 kB\nMemFreeX: 1 kB\n";
        assert_eq!(kibibytes(file, "MemFree"), Some(2 << 20));
        assert_eq!(kibibytes(file, "Mem"), None);
        assert_eq!(kibibytes("MemFree: much kB", "MemFree"), None);
    }
}
