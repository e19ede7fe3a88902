//! Who reads and who does not, watched: on a terminal, in a pipe, as documents.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::run::{Ran, Unread, ends, on_terminal, run, skcheck, wait_until};

/// A watch of one connection of this process.
fn arguments(unread: &Unread, more: &str) -> String {
    format!("watch -t --pid {} --port {} {more}", std::process::id(), unread.port())
}

fn documents(arguments: &str) -> Vec<Value> {
    let ran = run(&mut skcheck(&format!("{arguments} --format jsonl")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Whoever reads the other end of a pipe that its caller had open must not wait for a worker that is left
/// behind.
#[test]
fn workers_have_nothing_of_their_callers_open() {
    let inherited = std::fs::File::open("/proc/self/exe").unwrap();
    let kept = rustix::io::fcntl_dupfd_cloexec(&inherited, 100).unwrap();
    rustix::io::fcntl_setfd(&kept, rustix::io::FdFlags::empty()).unwrap();
    let mut command = skcheck("watch --interval 1s --format jsonl --engine proc");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let pid = child.id();
    let mine = std::fs::read_link("/proc/self/exe").unwrap();
    let has = |pid: u32| {
        let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        fds.filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|link| link == mine)
    };
    assert!(has(pid), "the watch itself has it");
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let workers: Vec<u32> = children.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(!workers.is_empty(), "it asks by workers");
    for worker in workers {
        assert!(!has(worker), "a worker has what its caller had open");
        assert_eq!(std::fs::read_to_string(format!("/proc/{worker}/comm")).unwrap(), "skcheck\n");
    }
    signal(&child, Signal::INT);
    child.wait().unwrap();
}

#[test]
fn misuse_is_one_line() {
    let check = |arguments: &str, allowed: &str| {
        let ran = run(&mut skcheck(&format!("watch {arguments}")));
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments}");
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(ran.err.starts_with("skcheck: ") && ran.err.contains(allowed), "{}", ran.err);
    };
    check("--interval 50ms", "at least 100ms");
    check("--interval 2h", "at most 1h");
    check("--interval 5", "500ms");
    check("--for 0s", "at least 100ms");
    check("--for ever", "500ms");
    check("--format json", "table, jsonl");
    check("--format xml", "table, jsonl");
    check("--engine fast", "auto, proc, bpf");
    check("--netns no-such-name", "/run/netns/no-such-name: No such file");
    check("--proc /no/such/dir", "--proc: /no/such/dir: No such file");
    check("--exact", "--exact");
    check("4711", "4711");
}

#[test]
fn help_names_every_option() {
    let help = run(&mut skcheck("watch --help")).out;
    for option in [
        "--interval",
        "--for",
        "--top",
        "--format",
        "--exit-code",
        "--engine",
        "--pid",
        "--min-recvq",
        "--host-root",
        "skcheck watch --pid 4711 --for 5s",
    ] {
        assert!(help.contains(option), "{option} in {help}");
    }
    assert!(run(&mut skcheck("--help")).out.contains("--stalled"));
}

#[test]
fn a_reader_that_stands_still_is_named_first() {
    let unread = Unread::make(60_000);
    let ran = run(&mut skcheck(&arguments(&unread, "--for 1s")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let first = ran.out.lines().next().unwrap();
    assert!(first.contains(&format!("({})", std::process::id())), "{first}");
    assert!(first.contains("has read nothing for ") && first.contains("58.6 KiB waits at fd "), "{first}");
    assert!(ran.out.contains("\nBecause: "), "{}", ran.out);
    let row = ran.out.lines().find(|line| line.contains("58.6 KiB") && line.contains("stalled")).unwrap();
    assert!(row.contains(&std::process::id().to_string()) && row.contains("tcp"), "{row}");
    assert!(ran.out.contains("Watched "), "{}", ran.out);
    assert!(ran.out.contains("1 reader stands still in the end"), "{}", ran.out);
}

#[test]
fn a_pipe_gets_a_block_for_each_sample() {
    let unread = Unread::make(1000);
    let ran = run(&mut skcheck(&arguments(&unread, "--interval 200ms --for 1s")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.out.contains('\x1b'), "{}", ran.out);
    let blocks: Vec<&str> = ran.out.split("\n\n").collect();
    let answers = ran.out.lines().filter(|line| line.contains("has read nothing for")).count();
    let times = ran.out.lines().filter(|line| line.contains("Z, over ")).count();
    // On a busy host a beat is left out.
    assert!(answers == times && (1..=5).contains(&times), "{}", ran.out);
    let last = blocks.last().unwrap();
    assert!(last.starts_with("Watched ") && last.contains(&format!("({times} windows)")), "{}", ran.out);
}

#[test]
fn documents_have_every_field() {
    let unread = Unread::make(1000);
    let documents = documents(&arguments(&unread, "--interval 300ms --for 1500ms"));
    assert!((1..=5).contains(&documents.len()), "{documents:?}");
    let has = |value: &Value, fields: &str| {
        let object = value.as_object().unwrap();
        for field in fields.split_whitespace() {
            assert!(object.contains_key(field), "{field} in {object:?}");
        }
    };
    let last = documents.last().unwrap();
    has(last, "schema at window_s stalled not_accepting sockets gone trend processes gaps");
    assert_eq!(last["schema"], "skcheck.watch/1");
    let window = last["window_s"].as_f64().unwrap();
    assert!(window > 0.0, "{window}");
    has(&last["trend"], "unread charged worst tcp_memory unaccounted until_pressure_s");
    has(&last["trend"]["unread"], "now per_s");
    let socket = &last["sockets"][0];
    has(
        socket,
        "protocol state inode cookie unread charged worst skmem holders verdict writing stalled_s \
         consumed_per_s arriving_per_s accepted until_s unread_age_s drops held_before cause root chain",
    );
    assert_eq!((&socket["verdict"], &socket["unread"]), (&"stalled".into(), &1000.into()));
    assert_eq!(socket["consumed_per_s"], 0);
    let stalled = socket["stalled_s"].as_f64().unwrap();
    assert!(stalled >= window && socket["unread_age_s"].as_f64().unwrap() >= stalled, "{window}: {socket}");
    has(&socket["cause"], "code pid text evidence");
    for evidence in socket["cause"]["evidence"].as_array().unwrap() {
        has(evidence, "kind text");
    }
    assert_eq!(last["stalled"], 1);
    assert_eq!(last["processes"][0]["pid"], std::process::id());
}

/// A child of this process, stopped or not, goes on when a test ends, however it does.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        signal(&self.0, Signal::CONT);
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A child that is ended when this is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that holds 5 unread bytes. It goes on when this is dropped, should it be stopped.
fn holds_unread() -> Stopped {
    let mut command = skcheck("hold-stalled-reader --fragments 5");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    Stopped(child)
}

#[test]
fn a_process_that_was_stopped_is_told_apart() {
    let stopped = holds_unread();
    signal(&stopped.0, Signal::STOP);
    let pid = stopped.0.id();
    let ran = run(&mut skcheck(&format!("watch -t --pid {pid} --for 1s")));
    let told = format!("skcheck ({pid}) has read nothing for ");
    assert!(ran.out.starts_with(&told) && ran.out.contains("5 B waits at fd "), "{}", ran.out);
    assert!(ran.out.contains("Because: it is stopped (SIGSTOP, or job control)."), "{}", ran.out);
    assert!(ran.out.contains(&format!("Why: skcheck ({pid}) is stopped.")), "{}", ran.out);
    let document = documents(&format!("watch -t --pid {pid} --for 500ms")).pop().unwrap();
    let cause = &document["sockets"][0]["cause"];
    assert_eq!((&cause["code"], &cause["pid"]), (&"stopped".into(), &pid.into()), "{document}");
    drop(stopped);
}

/// One message in a unix socket is enough for both to say that a process which is stopped has not read it.
#[test]
fn one_message_is_enough() {
    let (writer, reader) = std::os::unix::net::UnixStream::pair().unwrap();
    (&writer).write_all(b"0123456789").unwrap();
    let reader = OwnedFd::from(reader);
    let holder = Ended(Command::new("sleep").arg("60").stdin(reader).spawn().unwrap());
    let pid = holder.0.id();
    let call = format!("/proc/{pid}/wchan");
    wait_until("it sleeps", || std::fs::read_to_string(&call).is_ok_and(|told| told.contains("nanosleep")));
    let check = |code: &str, told: &str| {
        let ran = run(&mut skcheck(&format!("watch -x --pid {pid} --for 1s")));
        assert!(ran.out.starts_with(&format!("sleep ({pid}) has read nothing for ")), "{}", ran.out);
        assert!(ran.out.contains("10 B waits at fd 0") && ran.out.contains(told), "{}", ran.out);
        let document = documents(&format!("watch -x --pid {pid} --for 500ms")).pop().unwrap();
        let socket = &document["sockets"][0];
        assert_eq!((&socket["verdict"], &socket["cause"]["code"]), (&"stalled".into(), &code.into()));
        let ran = run(&mut skcheck(&format!("packets {pid} 0 --again 500ms")));
        // Without an engine it cannot tell.
        assert!(ran.code == Some(2) || ran.out.contains("nobody has read in that time"), "{ran:?}");
    };
    check("blocked", "Because: its threads are all blocked elsewhere");
    signal(&holder.0, Signal::STOP);
    check("stopped", "Because: it is stopped (SIGSTOP, or job control).");
}

/// gzip has one thread, and that works all the time on what it reads; a reader that sleeps in between does
/// not.
#[test]
fn a_slow_reader_has_a_cause() {
    let watched = |command: &mut Command| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let reader = listener.accept().unwrap().0;
        // In processes of their own: what this one does other tests see.
        let mut source = Command::new("cat");
        source.arg("/dev/urandom").stdout(OwnedFd::from(writer)).stderr(Stdio::null());
        let source = Ended(source.spawn().unwrap());
        let child = command.stdin(OwnedFd::from(reader)).stdout(Stdio::null()).spawn();
        command.stdin(Stdio::null());
        let child = Ended(child.unwrap());
        let pid = child.0.id();
        // What held nothing at the first sample has no pace at the second.
        wait_until("something waits there", || {
            run(&mut skcheck(&format!("-t --pid {pid} --min-recvq 1 --exit-code"))).code == Some(1)
        });
        let watch = format!("watch -t --pid {pid} --for 2s --interval 2s");
        let ran = run(&mut skcheck(&watch));
        let document = documents(&watch).pop().unwrap();
        drop((child, source));
        (pid, ran.out, document["sockets"][0].clone())
    };
    let (pid, out, socket) = watched(Command::new("gzip").arg("-9"));
    assert!(out.contains(&format!("gzip ({pid}) reads ")), "{out}");
    let because = "Because: a thread of it is busy all the time. Seen: thread ";
    assert!(out.contains(because) && out.contains(" of a processor"), "{out}");
    assert_eq!(
        (&socket["cause"]["code"], &socket["cause"]["pid"]),
        (&"busy".into(), &pid.into()),
        "{socket}"
    );
    assert_eq!(socket["cause"]["evidence"][0]["kind"], "spins");

    let sips = "while (sysread(STDIN, $piece, 4096)) { select(undef, undef, undef, 0.05) }";
    let (pid, out, socket) = watched(Command::new("perl").args(["-e", sips]));
    assert!(out.contains(&format!("perl ({pid}) reads ")), "{out}");
    assert!(!out.contains("is busy"), "{out}");
    assert_eq!(socket["cause"], Value::Null, "{socket}");
}

#[test]
fn an_interrupt_ends_it_with_a_summary() {
    let unread = Unread::make(1000);
    for end in [Signal::INT, Signal::TERM] {
        let mut child =
            skcheck(&arguments(&unread, "--interval 300ms")).stdout(Stdio::piped()).spawn().unwrap();
        // One byte of the first line.
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        signal(&child, end);
        let ran = ends(child);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.contains("\nWatched "), "{ran:?}");
    }
}

#[test]
fn an_interrupt_does_not_wait_for_the_interval() {
    let unread = Unread::make(1000);
    let arguments = arguments(&unread, "--interval 1h --exit-code");
    let ended_after = |wait: Duration| {
        let child = skcheck(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(wait);
        signal(&child, Signal::INT);
        ends(child)
    };
    // Nothing tells from outside when the engine is loaded and the first look is done: once it is, the end is
    // a second one.
    let waits = [2, 4, 8, 16, 32, 64].map(Duration::from_secs);
    let mut ended = waits.into_iter().map(ended_after);
    let is_whole = |ran: &Ran| !ran.out.starts_with("Ended before");
    let Ran { code, out, .. } = ended.find(is_whole).expect("it looks for the first time");
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("has read nothing for ") && out.contains("\nWatched "), "{out}");
}

#[test]
fn a_closed_pipe_is_success() {
    for format in ["table", "jsonl"] {
        let command = format!("watch --interval 100ms --exit-code --format {format}");
        let mut child = skcheck(&command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        assert!(ended.stderr.is_empty(), "{ended:?}");
    }
}

#[test]
fn the_exit_code_tells_whether_somebody_stands_still() {
    let unread = Unread::make(1000);
    let code = |more: &str| run(&mut skcheck(&arguments(&unread, more))).code;
    assert_eq!(code("--for 500ms"), Some(0));
    assert_eq!(code("--for 500ms --exit-code"), Some(1));
    assert_eq!(code("--for 500ms --exit-code --format jsonl"), Some(1));
    assert_eq!(code("--for 500ms --exit-code --min-recvq 1001"), Some(0));
}

/// A client that has connected and waits, at a listener that is never asked.
#[test]
fn a_listener_at_which_nobody_accepts_stands_still() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let arguments = |more: &str| {
        format!("watch -t --pid {} --port {} --for 1s {more}", std::process::id(), address.port())
    };
    let ran = run(&mut skcheck(&arguments("--exit-code")));
    assert_eq!(ran.code, Some(0), "nobody waits: {ran:?}");
    let _client = TcpStream::connect(address).unwrap();
    let ran = run(&mut skcheck(&arguments("--exit-code")));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let first = ran.out.lines().next().unwrap();
    assert!(first.contains("has accepted nobody for "), "{first}");
    assert!(first.contains("1 connection waits (limit ") && first.contains(" at fd "), "{first}");
    let row = ran.out.lines().find(|line| line.contains("LISTEN")).unwrap();
    assert!(row.contains("1 conn  stalled") && row.contains("nobody accepts: "), "{row}");
    assert!(ran.out.contains(": at 1 listener nobody accepts in the end"), "{}", ran.out);
    assert!(!ran.out.contains("skcheck packets"), "{}", ran.out);

    let document = documents(&arguments("")).pop().unwrap();
    assert_eq!((&document["stalled"], &document["not_accepting"]), (&1.into(), &1.into()), "{document}");
    let socket = &document["sockets"][0];
    assert_eq!((&socket["verdict"], &socket["accepted"]), (&"stalled".into(), &0.into()), "{document}");
    assert!(socket["unread_age_s"].as_f64() >= socket["stalled_s"].as_f64(), "{document}");

    let stalled = arguments("--exit-code").replace("watch", "--stalled").replace("--for 1s", "");
    let ran = run(&mut skcheck(&stalled));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.lines().next().unwrap().contains("has accepted nobody for "), "{}", ran.out);
    assert!(ran.out.contains("1 conn"), "{}", ran.out);
}

#[test]
fn a_terminal_is_redrawn_in_place() {
    let unread = Unread::make(60_000);
    for columns in [76, 80, 160] {
        let mut command = skcheck(&arguments(&unread, "--interval 300ms --for 1500ms"));
        let shown = on_terminal(command.env("TERM", "xterm"), columns);
        let frames: Vec<&str> = shown.split("\x1b[J").collect();
        // One that says that it looks, the samples, one that is cleared, then the summary.
        let samples = frames.len() - 3;
        assert!((2..=5).contains(&samples), "{shown:?}");
        assert!(frames[1].starts_with("\r\x1b[1A"), "{shown:?}");
        let lines = frames[1].lines().count();
        assert!(frames[2].starts_with(&format!("\r\x1b[{lines}A")), "{lines} lines: {shown:?}");
        let told = frames[2].replace("\x1b[K", "").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("has read nothing") && told.contains("stalled"), "{shown}");
        assert!(frames[samples + 2].starts_with("Watched "), "{shown:?}");
        assert!(
            frames[samples + 2].replace("\r\n", " ").contains(&format!("({samples} windows)")),
            "{shown:?}"
        );
        let plain = shown.replace("\x1b[K", "").replace("\x1b[J", "").replace('\r', "");
        let widest =
            plain.lines().filter(|line| !line.contains("\x1b[")).map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= usize::from(columns), "{shown}");
    }
}

#[test]
fn a_dumb_terminal_gets_blocks() {
    let unread = Unread::make(1000);
    let mut command = skcheck(&arguments(&unread, "--for 300ms"));
    let shown = on_terminal(command.env("TERM", "dumb"), 80);
    assert!(!shown.contains('\x1b'), "{shown:?}");
    assert!(shown.contains("\n\nWatched "), "{shown}");
}

#[test]
fn who_is_not_there_is_said_in_words() {
    let pid = 4_194_303;
    let ran = run(&mut skcheck(&format!("watch --pid {pid} --for 200ms")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out.starts_with(&format!("No socket matches, and there is no process {pid}; ")),
        "{}",
        ran.out
    );
}

#[test]
fn stalled_is_the_short_form() {
    let unread = Unread::make(60_000);
    let (pid, port) = (std::process::id(), unread.port());
    let command = |more: &str| format!("--stalled -t --pid {pid} --port {port} {more}");
    let ran = run(&mut skcheck(&command("--exit-code")));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.lines().next().unwrap().contains("has read nothing for "), "{}", ran.out);
    assert!(ran.out.contains("\nBecause: "), "{}", ran.out);
    assert!(ran.out.contains("1 socket of 1 process holds 58.6 KiB unread"), "{}", ran.out);

    let ran = run(&mut skcheck(&command("--format json")));
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["schema"], &report["totals"]["sockets"]), (&"skcheck.scan/1".into(), &1.into()));
    assert_eq!(report["sockets"][0]["unread"], 60_000);
    assert!(report["sockets"][0].get("verdict").is_none());

    let ran = run(&mut skcheck(&command("--min-recvq 1M --exit-code")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // A process that even root may not look at can be on the host.
    let told = ["Nobody stands still: no socket", "Nobody is known to stand still: no socket"];
    assert!(told.iter().any(|told| ran.out.starts_with(told)), "{}", ran.out);
    assert!(run(&mut skcheck("--stalled --exact")).err.contains("--exact"));
}

/// Each reader with its own cause, however wide the page is.
#[test]
fn stalled_tells_of_each_why() {
    let (stopped, waits) = (holds_unread(), holds_unread());
    signal(&stopped.0, Signal::STOP);
    let (stopped_pid, waits_pid) = (stopped.0.id(), waits.0.id());
    let command = format!("--stalled -t --pid {stopped_pid} --pid {waits_pid}");
    let check = |out: &str| {
        // A row of the process, and one of its socket, which may go on below.
        let row = |pid: u32| {
            let row = format!("skcheck {pid}  ");
            let lines = out.lines().skip_while(|line| !line.starts_with(&row)).skip(1);
            let lines: Vec<&str> = lines.take_while(|line| line.starts_with(' ')).collect();
            lines.join("\n")
        };
        assert!(row(stopped_pid).ends_with("stopped"), "{out}");
        assert!(row(waits_pid).ends_with("blocked elsewhere"), "{out}");
    };
    check(&run(&mut skcheck(&command)).out);
    check(&on_terminal(&mut skcheck(&command), 80));
}

#[test]
fn a_scan_suggests_to_watch_its_heaviest_reader() {
    let unread = Unread::make(60_000);
    let pid = std::process::id();
    let ran = run(&mut skcheck(&format!("--pid {pid} --port {}", unread.port())));
    assert!(ran.out.contains(&format!("skcheck watch --pid {pid} (")), "{}", ran.out);
}
