//! What holds in every situation, whatever the command: the program ends while others go on waiting, what it
//! leaves behind does not keep its outputs, it names who did not answer and nobody else, and
//! all else is right.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::asked::{self, Asked, Engine, What};
use crate::command::{Ran, limited, measure_work, run, watchdog};
use crate::inside::NOBODY;
use crate::skip::{Skip, kernel, skip};
use crate::world::World;

/// So much is wrong that the rest is not run.
const ENOUGH: usize = 5;
/// No process of a run may take more, whatever it is given to read.
const MOST_MEMORY: u64 = 512 << 20;
/// So many runs go on at once: they wait more than they work.
pub(crate) const AT_ONCE: usize = 3;

/// What is so in one situation alone.
pub(crate) struct Contract<'a> {
    /// Given to every command.
    pub(crate) arguments: &'a str,
    /// Who must be named, where it is asked for; and nobody else may be.
    pub(crate) culprits: Vec<String>,
    /// Whether a run cannot do without asking them.
    pub(crate) is_asked: fn(&Asked) -> bool,
    /// The kinds of gaps in which they can be named.
    pub(crate) gaps: &'a [&'a str],
    /// Whether a run knows who holds the sockets of those who are stuck.
    pub(crate) knows_holders: fn(&Asked) -> bool,
    /// What else is looked at.
    pub(crate) also: fn(&Asked, &Value, &mut Wrong),
    /// What is run.
    pub(crate) runs: fn(&Asked) -> bool,
    /// What a run may have: see `roles::limited`.
    pub(crate) limits: &'a str,
    /// Who runs it.
    pub(crate) user: u32,
    /// So many runs go on at once.
    pub(crate) at_once: usize,
}

impl Contract<'_> {
    /// The culprits are the processes that are stuck.
    pub(crate) fn of(world: &World) -> Contract<'static> {
        let name = |pid| format!("{} ({pid})", world.comm(pid));
        Contract {
            arguments: "",
            culprits: world.stuck.iter().map(|waiting| name(waiting.pid)).collect(),
            is_asked: |_| false,
            gaps: &["no_answer"],
            knows_holders: |_| true,
            also: |_, _, _| {},
            runs: |_| true,
            limits: "",
            user: 0,
            at_once: AT_ONCE,
        }
    }

    /// Runs every command in a situation, and undoes it.
    ///
    /// # Panics
    /// When one of them does not do as it should: it says which.
    pub(crate) fn holds_in(&self, mut world: World) {
        let runs = asked::of(&world).into_iter().rev().filter(|asked| (self.runs)(asked));
        let waiting: Mutex<Vec<Asked>> = Mutex::new(runs.collect());
        let failures = Mutex::new(Vec::new());
        let (memory, running) = (AtomicU64::new(0), AtomicUsize::new(self.at_once));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while running.load(Ordering::Relaxed) > 0 {
                    memory.fetch_max(world.most_memory(), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            for _ in 0..self.at_once {
                scope.spawn(|| {
                    loop {
                        let Some(asked) = waiting.lock().expect("nobody panics").pop() else { break };
                        let wrong = self.run(&world, &asked);
                        let mut failures = failures.lock().expect("nobody panics");
                        failures.extend(wrong);
                        if failures.len() > ENOUGH {
                            break;
                        }
                    }
                    running.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        let mut failures = failures.into_inner().expect("nobody panics");
        let memory = memory.into_inner();
        if memory > MOST_MEMORY {
            failures.push(format!("a process takes {memory} bytes"));
        }
        println!("left behind until the release: {:?}", world.strangers());
        world.release();
        failures.extend(nobody_is_left(&world));
        assert!(failures.is_empty(), "{world:?}\n{}", failures.join("\n"));
    }

    /// Runs one command; what is wrong with it. One that is interrupted writes what it has within a moment, and
    /// a busy machine may give it none: it is interrupted again, later each time.
    fn run(&self, world: &World, asked: &Asked) -> Vec<String> {
        const TIMES: u32 = 5;
        let mut wrong = Vec::new();
        for times in 0..TIMES {
            let (ran, is_wrong) = self.run_once(world, asked, times);
            let is_whole = ran.out.ends_with('\n');
            wrong = is_wrong;
            if wrong.is_empty() || !ran.signalled || is_whole {
                break;
            }
        }
        wrong
    }

    fn run_once(&self, world: &World, asked: &Asked, times: u32) -> (Ran, Vec<String>) {
        let user = if asked.what == What::ByNobody { NOBODY } else { self.user };
        let mut command = limited(self.limits, user, &format!("{} {}", asked.arguments, self.arguments));
        let signal = asked.signalled(times).zip(asked.signal);
        let start = Instant::now();
        let ran = run(world, &mut command, signal);
        println!(
            "{:60} ended {:?} after {:?}, signalled {} {}",
            asked.arguments,
            ran.ended,
            start.elapsed(),
            ran.signalled,
            ran.waits_in
        );
        let mut wrong = Wrong::about(format!("skcheck {} {}", asked.arguments, self.arguments));
        self.check_end(asked, &ran, &mut wrong);
        wrong.unless(!ran.err.contains("panicked"), || format!("panics: {}", ran.err));
        if asked.text {
            self.check_text(world, asked, &ran, &mut wrong);
        } else {
            self.check_document(world, asked, &ran, &mut wrong);
        }
        (ran, wrong.1)
    }

    fn check_end(&self, asked: &Asked, ran: &Ran, wrong: &mut Wrong) {
        let Some(status) = ran.ended else {
            return wrong.say(&format!("does not end; waits in {}", ran.waits_in));
        };
        let code = status.code();
        wrong.unless(code == Some(2) || ran.out.contains('\n'), || format!("says nothing: {}", ran.err));
        wrong.unless(ran.closed, || "somebody keeps its outputs open".to_owned());
        // That it has ended for the signal, its status tells.
        let codes: &[i32] = match (asked.signal.filter(|_| ran.signalled), asked.what) {
            (None, What::PacketsOfStuck) => &[0, 2],
            (None, _) if !self.limits.is_empty() && asked.engine == Engine::Bpf => &[0, 2],
            (None, _) => &[0],
            // That is how a watch is ended.
            (Some(Signal::SIGINT), What::Watch) => &[0],
            (Some(_), What::Watch) => &[0, 143],
            (Some(Signal::SIGINT), _) => &[130],
            (Some(_), _) => &[143],
        };
        let ok = code.is_some_and(|code| codes.contains(&code));
        wrong.unless(ok, || format!("{status}, none of {codes:?}: {}", ran.err));
    }

    fn check_text(&self, world: &World, asked: &Asked, ran: &Ran, wrong: &mut Wrong) {
        let Some(beside) = world.beside.first() else { return };
        let names = ["sk-beside ", "sk-beside ("]
            .iter()
            .any(|name| ran.out.contains(&format!("{name}{}", beside.pid)));
        wrong.unless(names, || format!("does not show the reader that is beside: {}", ran.out));
        if (self.is_asked)(asked) {
            // Many who do not answer alike can be told together.
            let named = self.culprits.iter().any(|culprit| ran.out.contains(culprit));
            wrong.unless(named, || format!("names none of {:?}: {}", self.culprits, ran.out));
        }
    }
}

/// What one run did wrong.
pub(crate) struct Wrong(String, Vec<String>);

impl Wrong {
    pub(crate) fn about(run: String) -> Wrong {
        Wrong(run, Vec::new())
    }

    pub(crate) fn assert_nothing(&self) {
        assert!(self.1.is_empty(), "{}", self.1.join("\n"));
    }

    pub(crate) fn say(&mut self, what: &str) {
        self.1.push(format!("{}: {what}", self.0));
    }

    pub(crate) fn unless(&mut self, right: bool, what: impl FnOnce() -> String) {
        if !right {
            self.say(&what());
        }
    }
}

/// Once everybody has got an answer, or an error, who was left behind ends by himself.
fn nobody_is_left(world: &World) -> Option<String> {
    let deadline = Instant::now() + watchdog();
    while !world.strangers().is_empty() {
        if Instant::now() > deadline {
            return Some(format!("still there after the release: {:?}", world.strangers()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Whether this kernel, and this user, can have such situations; says why not.
pub(crate) fn can_be_made() -> bool {
    const SHOWS_WAITERS: [u32; 2] = [5, 16];
    if !crate::skip::is_root() {
        skip(Skip::NeedsRoot);
        return false;
    }
    if kernel() < SHOWS_WAITERS {
        skip(Skip::NeedsKernel(SHOWS_WAITERS, "wchan of kernels without frame pointers"));
        return false;
    }
    measure_work();
    true
}
