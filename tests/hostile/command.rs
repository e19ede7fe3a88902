//! Runs the program, with a watchdog, and notes what it said and how it ended.

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

/// A watchdog: what is not done after so long waits for those who do not answer, who go on waiting. On no
/// machine is a run that waits for nobody as slow, or one that waits as long as it may.
pub(crate) fn watchdog() -> Duration {
    Duration::from_secs(60) * slowness()
}

/// What a run may spend on waiting, in whole seconds: enough for it to see, on a busy machine too, who answers
/// and who does not.
pub(crate) fn budget() -> Duration {
    let enough = Duration::from_secs(3) * slowness() + work() * 4;
    Duration::from_secs(enough.as_secs()).min(watchdog() / 3)
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
        let start = Instant::now();
        let ran = run(&world, &mut limited("", 0, "--exact"), None);
        ran.ended.map(|_| start.elapsed())
    };
    let longest = std::thread::scope(|scope| {
        let all: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(one)).collect();
        all.into_iter().filter_map(|one| one.join().ok()?).max()
    });
    let longest = longest.expect("it ends where all is well");
    *known = Some((Instant::now(), longest));
}

/// Where the program lies.
pub(crate) fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_skcheck").into()
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
    /// How it ended; `None`: the [`watchdog`] has ended it.
    pub(crate) ended: Option<ExitStatus>,
    /// Where it waited when it had not ended in time.
    pub(crate) waits_in: String,
    /// Whether it got the signal before it had ended.
    pub(crate) signalled: bool,
    /// Whether both of its outputs were closed when it had ended.
    pub(crate) closed: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// When a run is sent a signal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// It has begun so long ago, and has a handler.
    After(Duration),
    /// Its first line has come.
    FirstLine,
}

/// Runs a command until it ends, or the [`watchdog`] ends it; sends it a signal meanwhile.
pub(crate) fn run(world: &World, command: &mut Command, signal: Option<(Moment, Signal)>) -> Ran {
    let start = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).env("LC_ALL", "C.UTF-8");
    let mut child = match world.start(command) {
        Ok(child) => child,
        Err(error) => {
            return Ran { waits_in: format!("nothing: its situation is over ({error})"), ..Ran::default() };
        }
    };
    let out = Heard::listen(child.stdout.take().expect("piped"));
    let err = Heard::listen(child.stderr.take().expect("piped"));
    let mut ran = Ran::default();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            ran.ended = Some(status);
            break;
        }
        if let Some((moment, signal)) = signal
            && !ran.signalled
            && match moment {
                Moment::After(time) => start.elapsed() >= time && handles(child.id(), signal),
                Moment::FirstLine => out.has_line(),
            }
        {
            kill(Pid::from_raw(child.id().cast_signed()), signal).expect("a child that was not waited for");
            ran.signalled = true;
        }
        if start.elapsed() > watchdog() {
            ran.waits_in = give_up(child);
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // What is written is in the pipes by now; whoever has them still is not the program.
    let patience = Instant::now() + watchdog() / 4;
    while ran.ended.is_some() && !(out.is_closed() && err.is_closed()) && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(2));
    }
    ran.closed = out.is_closed() && err.is_closed();
    (ran.out, ran.err) = (out.text(), err.text());
    ran
}

/// Whether a process has a handler for a signal.
fn handles(pid: u32, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    caught & 1 << (signal as u32 - 1) != 0
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
    is_closed: bool,
}

impl Heard {
    fn listen(mut pipe: impl Read + Send + 'static) -> Heard {
        let heard = Heard::default();
        let noted = heard.clone();
        std::thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                noted.so_far().bytes.extend(&piece[..length]);
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

    fn has_line(&self) -> bool {
        self.so_far().bytes.contains(&b'\n')
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.so_far().bytes).into_owned()
    }
}
