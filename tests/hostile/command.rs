//! Runs the program, with a watchdog, and notes when it said something and when it ended.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::contract::AT_ONCE;
use crate::inside::PROGRAM;
use crate::role::playing;
use crate::world::World;

/// How many times slower everything is than on a machine of today: for virtual machines without KVM.
pub(crate) fn slowness() -> u32 {
    std::env::var("SKCHECK_TEST_SLOWNESS").map_or(1, |times| times.parse().expect("a number"))
}

/// What a run may spend on waiting.
pub(crate) fn budget() -> Duration {
    Duration::from_secs(3) * slowness()
}

/// When it was found out what a run takes that waits for nobody, and how long that is.
static WORK: Mutex<Option<(Instant, Duration)>> = Mutex::new(None);
/// So long that holds.
const HOLDS: Duration = Duration::from_secs(15);

/// What a run takes that waits for nobody, with as many others beside it as there are here: how busy this
/// machine is.
pub(crate) fn work() -> Duration {
    WORK.lock().expect("nobody panics").map_or(Duration::ZERO, |(_, work)| work)
}

/// Finds that out, where all is well.
pub(crate) fn measure_work() {
    let mut known = WORK.lock().expect("nobody panics");
    if known.is_some_and(|(at, _)| at.elapsed() < HOLDS * slowness()) {
        return;
    }
    let world = crate::world::root("");
    let one = || {
        let most = Duration::from_secs(20) * slowness();
        run(&world, &mut limited("", 0, "--exact"), most, None).ended.map(|(took, _)| took)
    };
    let longest = std::thread::scope(|scope| {
        let all: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(one)).collect();
        all.into_iter().filter_map(|one| one.join().ok()?).max()
    });
    let longest = longest.expect("it ends where all is well");
    *known = Some((Instant::now(), longest));
}

/// What it may take beyond what it waits, to start, to work and to end.
pub(crate) fn grace() -> Duration {
    Duration::from_secs(1) * slowness() + work() * 2
}

/// Within so long a signal ends it.
pub(crate) fn at_once() -> Duration {
    Duration::from_millis(500) * slowness() + work() / 4
}

/// Where the program lies.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("SKCHECK_TEST_PROGRAM").map_or(env!("CARGO_BIN_EXE_skcheck").into(), PathBuf::from)
}

/// The program as this user runs it, who may have no more than this: see `roles::limited`.
pub(crate) fn limited(limits: &str, user: u32, arguments: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments.split_whitespace());
    if !limits.is_empty() || user != 0 {
        command = playing(&format!("limited {limits} -- {PROGRAM} {arguments}"));
        command.uid(user).gid(user);
    }
    command
}

/// How a run went.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// When its first line came.
    pub(crate) first_line: Option<Duration>,
    /// When it ended, and how.
    pub(crate) ended: Option<(Duration, ExitStatus)>,
    /// Where it waited when it had not ended in time.
    pub(crate) waits_in: String,
    /// How long after the signal it ended; `None`: it had ended before.
    pub(crate) after_signal: Option<Duration>,
    /// Whether both of its outputs were closed when it had ended.
    pub(crate) closed: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a command until it ends, or has had so long; sends it a signal meanwhile.
pub(crate) fn run(
    world: &World,
    command: &mut Command,
    most: Duration,
    signal: Option<(Duration, Signal)>,
) -> Ran {
    let start = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).env("LC_ALL", "C.UTF-8");
    let mut child = match world.start(command) {
        Ok(child) => child,
        Err(error) => {
            return Ran { waits_in: format!("nothing: its situation is over ({error})"), ..Ran::default() };
        }
    };
    let out = Heard::listen(child.stdout.take().expect("piped"), start);
    let err = Heard::listen(child.stderr.take().expect("piped"), start);
    let mut ran = Ran::default();
    let mut signalled = None;
    loop {
        let now = start.elapsed();
        if let Some(status) = child.try_wait().expect("a child") {
            ran.ended = Some((now, status));
            ran.after_signal = signalled.map(|at| now.saturating_sub(at));
            break;
        }
        if let Some((after, signal)) = signal
            && signalled.is_none()
            && now >= after
        {
            kill(Pid::from_raw(child.id().cast_signed()), signal).expect("a child that was not waited for");
            signalled = Some(now);
        }
        if now > most {
            ran.waits_in = give_up(child);
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // What is written is in the pipes by now; whoever has them still is not the program.
    let patience = Instant::now() + Duration::from_secs(2) * slowness();
    while ran.ended.is_some() && !(out.is_closed() && err.is_closed()) && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(2));
    }
    ran.closed = out.is_closed() && err.is_closed();
    ran.first_line = out.so_far().first_line;
    (ran.out, ran.err) = (out.text(), err.text());
    ran
}

/// Says where it waits, and leaves it to a thread that waits until the situation is undone.
fn give_up(mut child: Child) -> String {
    let pid = child.id();
    let wait_channel = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let tids = tasks.filter_map(|task| task.file_name().to_str()?.parse().ok());
    let waits: Vec<String> = tids.map(wait_channel).collect();
    let _ = child.kill();
    std::thread::spawn(move || child.wait());
    waits.join(", ")
}

/// What comes through a pipe.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<SoFar>>);

#[derive(Default)]
struct SoFar {
    bytes: Vec<u8>,
    first_line: Option<Duration>,
    is_closed: bool,
}

impl Heard {
    fn listen(mut pipe: impl Read + Send + 'static, start: Instant) -> Heard {
        let heard = Heard::default();
        let noted = heard.clone();
        std::thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                let at = start.elapsed();
                let mut so_far = noted.so_far();
                so_far.bytes.extend(&piece[..length]);
                if so_far.first_line.is_none() && so_far.bytes.contains(&b'\n') {
                    so_far.first_line = Some(at);
                }
            }
            noted.so_far().is_closed = true;
        });
        heard
    }

    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.0.lock().expect("nobody panics")
    }

    fn is_closed(&self) -> bool {
        self.so_far().is_closed
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.so_far().bytes).into_owned()
    }
}
