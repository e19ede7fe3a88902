//! What holds in every situation, whatever the command: the first line comes within the budget, the program
//! ends, what it leaves behind does not keep its outputs, it names who did not answer and nobody else, and all
//! else is right.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::command::{Ran, at_once, budget, grace, limited, run, slowness};
use crate::inside::NOBODY;
use crate::skip::{Skip, kernel, skip};
use crate::world::{Held, Shows, World};

/// No process of a run may take more, whatever it is given to read.
const MOST_MEMORY: u64 = 512 << 20;
/// So many runs go on at once: they wait more than they work.
const AT_ONCE: usize = 3;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Scan,
    Stalled,
    Mem,
    Watch,
    Leaks,
    Packets(Held),
    /// ... of a socket that is locked: it may not be known.
    PacketsOfStuck,
    /// By the user who made the situation, who may not see everything.
    ByNobody,
}

/// What looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Auto,
    Bpf,
    Proc,
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) what: What,
    pub(crate) engine: Engine,
    pub(crate) arguments: String,
    pub(crate) text: bool,
    pub(crate) signal: Option<Signal>,
}

impl Asked {
    /// A document, by whatever looks.
    pub(crate) fn of(what: What) -> Asked {
        Asked { what, engine: Engine::Auto, arguments: String::new(), text: false, signal: None }
    }
}

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
        let runs = asked(&world).into_iter().rev().filter(|asked| (self.runs)(asked));
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
                        failures.lock().expect("nobody panics").extend(wrong);
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

    /// Runs one command; what is wrong with it.
    fn run(&self, world: &World, asked: &Asked) -> Vec<String> {
        let user = if asked.what == What::ByNobody { NOBODY } else { self.user };
        let mut command = limited(self.limits, user, &format!("{} {}", asked.arguments, self.arguments));
        let after = Duration::from_secs(1) * slowness();
        let patience = if std::env::var_os("BARE").is_some() {
            Duration::from_secs(4)
        } else {
            (budget() + grace()) * 2
        }; // TEMPORARY
        let ran = run(world, &mut command, patience, asked.signal.map(|signal| (after, signal)));
        println!(
            "{:60} first line {:?} ended {:?} after signal {:?} {}",
            asked.arguments, ran.first_line, ran.ended, ran.after_signal, ran.waits_in
        );
        let mut wrong = Wrong::about(format!("skcheck {} {}", asked.arguments, self.arguments));
        self.check_time(asked, &ran, &mut wrong);
        wrong.unless(!ran.err.contains("panicked"), || format!("panics: {}", ran.err));
        if asked.text {
            self.check_text(world, asked, &ran, &mut wrong);
        } else {
            self.check_document(world, asked, &ran, &mut wrong);
        }
        wrong.1
    }

    fn check_time(&self, asked: &Asked, ran: &Ran, wrong: &mut Wrong) {
        let Some((ended, status)) = ran.ended else {
            return wrong.say(format!("does not end; waits in {}", ran.waits_in));
        };
        wrong.unless(ended <= budget() + grace(), || format!("ends after {ended:?}"));
        let first = ran.first_line;
        wrong.unless(status.code() == Some(2) || first.is_some_and(|at| at <= budget()), || {
            format!("first line after {first:?}: {}", ran.err)
        });
        wrong.unless(ran.closed, || "somebody keeps its outputs open".to_owned());
        if let Some(after) = ran.after_signal {
            wrong.unless(after <= at_once(), || format!("ends {after:?} after {:?}", asked.signal));
        }
        let code = match (asked.signal, ran.after_signal, asked.what) {
            (None, ..) | (_, None, _) | (Some(Signal::SIGINT), _, What::Watch) => 0,
            (Some(signal), ..) => 128 + signal as i32,
        };
        let may_fail =
            asked.what == What::PacketsOfStuck || !self.limits.is_empty() && asked.engine == Engine::Bpf;
        let ok = status.code() == Some(code) || may_fail && status.code() == Some(2);
        wrong.unless(ok, || format!("{status}, not {code}: {}", ran.err));
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

    fn check_document(&self, world: &World, asked: &Asked, ran: &Ran, wrong: &mut Wrong) {
        // Of watch, the last one that was written to its end.
        let document = ran.out.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
        let Some(document) = document else {
            if ran.ended.is_some_and(|(_, status)| status.code() == Some(2)) && !ran.err.is_empty() {
                return;
            }
            return wrong.say(format!("writes no document: {:?} {}", ran.out, ran.err));
        };
        let gaps = document["gaps"].as_array().map_or(&[][..], Vec::as_slice);
        let interrupted = ran.after_signal.is_some()
            && !(asked.what == What::Watch && asked.signal == Some(Signal::SIGINT));
        if interrupted {
            let marked = gaps.iter().any(|gap| gap["what"] == "partial");
            return wrong.unless(marked, || format!("is not marked partial: {gaps:?}"));
        }
        self.check_gaps(world, asked, gaps, wrong);
        (self.also)(asked, &document, wrong);
        match asked.what {
            What::Scan | What::Stalled | What::Watch => self.check_sockets(world, asked, &document, wrong),
            What::Mem => {
                let unread: u64 = world.beside.iter().map(|held| held.unread).sum();
                let told = document["sockets"]["unread"].as_u64();
                wrong.unless(told >= Some(unread), || format!("unread {told:?}, not {unread}"));
                wrong.unless(document["total"].as_u64() > Some(0), || "there is no memory".to_owned());
            }
            What::Leaks => {
                for held in &world.beside {
                    let open = document["open"].as_array().into_iter().flatten();
                    let told = open.clone().find(|open| open["pid"] == held.pid);
                    let ok = told.is_some_and(|told| told["sockets"] == 2);
                    wrong.unless(ok, || format!("{held:?} is {told:?}"));
                }
            }
            What::Packets(held) => {
                let told = (&document["unread"], &document["inode"]);
                wrong.unless(told == (&held.unread.into(), &held.inode.into()), || {
                    format!("{held:?} is {told:?}")
                });
            }
            What::PacketsOfStuck | What::ByNobody => {}
        }
    }

    fn check_gaps(&self, world: &World, asked: &Asked, gaps: &[Value], wrong: &mut Wrong) {
        let is =
            |gap: &&Value, kinds: &[&str]| gap["what"].as_str().is_some_and(|what| kinds.contains(&what));
        let place = |gap: &Value| gap["where"].as_str().unwrap_or_default().to_owned();
        let names = |gap: &Value, culprit: &String| place(gap).contains(culprit.as_str());
        for gap in gaps.iter().filter(|gap| is(gap, &["no_answer"])) {
            let right = self.culprits.iter().any(|culprit| names(gap, culprit));
            wrong.unless(right, || format!("names somebody else: {gap}"));
        }
        if !(self.is_asked)(asked) {
            return;
        }
        let ours: Vec<&Value> = gaps.iter().filter(|gap| is(gap, self.gaps)).collect();
        let unnamed: Vec<&String> =
            self.culprits.iter().filter(|culprit| !ours.iter().any(|gap| names(gap, culprit))).collect();
        // Many who do not answer alike can be told together, with their number.
        let told: u64 = ours.iter().map(|gap| gap["count"].as_u64().unwrap_or(1)).sum();
        let all =
            unnamed.is_empty() || unnamed.len() < self.culprits.len() && told >= self.culprits.len() as u64;
        wrong.unless(all, || format!("does not name {unnamed:?}: {gaps:?}"));
        for waiting in &world.stuck {
            let Shows::WaitIn(function) = &waiting.shows else { continue };
            let gap = ours.iter().find(|gap| place(gap).contains(&format!("({})", waiting.pid)));
            let told = gap.is_none_or(|gap| gap.to_string().contains(function));
            wrong.unless(told, || format!("does not say where {waiting:?} waits: {gap:?}"));
        }
    }

    fn check_sockets(&self, world: &World, asked: &Asked, document: &Value, wrong: &mut Wrong) {
        let sockets = document["sockets"].as_array().map_or(&[][..], Vec::as_slice);
        let of = |held: &Held| sockets.iter().find(|socket| socket["inode"] == held.inode);
        let every = |sure: bool| move |held| (sure, held);
        let beside = world.beside.iter().map(every(true));
        for (sure, held) in beside.chain(world.held.iter().map(every((self.knows_holders)(asked)))) {
            let Some(socket) = of(held) else {
                wrong.say(format!("{held:?} is missing"));
                continue;
            };
            let is = &socket["unread"];
            wrong.unless(*is == held.unread, || format!("of {held:?} {is} bytes are unread"));
            let holders = socket["holders"].as_array().map_or(&[][..], Vec::as_slice);
            let right = |holder: &Value| holder["pid"] == held.pid && holder["fd"] == held.fd;
            let all_right = holders.iter().all(right) && (!sure || !holders.is_empty());
            wrong.unless(all_right, || format!("{held:?} is held by {holders:?}"));
            if asked.what == What::Watch {
                let verdict = &socket["verdict"];
                wrong.unless(verdict == "stalled", || format!("{held:?} is {verdict}"));
            }
        }
        if asked.what == What::Scan {
            for held in &world.held_mptcp {
                wrong.unless(of(held).is_some(), || format!("{held:?} is missing"));
            }
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

    pub(crate) fn say(&mut self, what: String) {
        self.1.push(format!("{}: {what}", self.0));
    }

    pub(crate) fn unless(&mut self, right: bool, what: impl FnOnce() -> String) {
        if !right {
            self.say(what());
        }
    }
}

/// Every command, for people and for programs, with either engine; and interrupted.
fn asked(world: &World) -> Vec<Asked> {
    let timeout = format!("--timeout {}s", budget().as_secs());
    let timeout = if std::env::var_os("BARE").is_some() { String::new() } else { timeout }; // TEMPORARY
    let ask = |what, arguments: String, text| {
        let engine = match () {
            () if arguments.contains("--engine proc") || what == What::Leaks => Engine::Proc,
            () if arguments.contains("--engine bpf") => Engine::Bpf,
            () => Engine::Auto,
        };
        Asked { what, engine, arguments, text, signal: None }
    };
    let json = |what, arguments: &str| ask(what, format!("{arguments} --format json {timeout}"), false);
    let watch = |arguments: &str| ask(What::Watch, format!("watch --format jsonl {arguments}"), false);
    let interrupted = |asked: Asked, signal| Asked { signal: Some(signal), ..asked };
    let packets = |held: &Held| format!("packets {} {}", held.pid, held.fd);
    let beside = world.beside[0];
    let mut all = vec![
        ask(What::Scan, timeout.clone(), true),
        ask(What::Scan, format!("--engine proc {timeout}"), true),
        ask(What::Stalled, format!("--stalled {timeout}"), true),
        ask(What::Watch, "watch --for 2s".to_owned(), true),
        json(What::Scan, ""),
        json(What::Scan, "--engine proc"),
        json(What::Scan, "--engine bpf"),
        json(What::Scan, "--exact"),
        json(What::Stalled, "--stalled"),
        json(What::Mem, "mem"),
        watch("--for 2s"),
        watch("--for 2s --engine proc"),
        json(What::Leaks, "leaks --min-open 1"),
        json(What::Packets(beside), &packets(&beside)),
        json(What::ByNobody, "--engine proc"),
        interrupted(json(What::Scan, "--engine proc"), Signal::SIGINT),
        interrupted(json(What::Stalled, "--stalled"), Signal::SIGINT),
        interrupted(json(What::Mem, "mem"), Signal::SIGTERM),
        interrupted(watch(""), Signal::SIGINT),
        interrupted(watch(""), Signal::SIGTERM),
    ];
    if let Some(held) = world.held.first() {
        all.push(json(What::PacketsOfStuck, &packets(held)));
    }
    if let Ok(only) = std::env::var("ONLY") {
        let only: Vec<usize> = only.split(',').map(|n| n.parse().unwrap()).collect();
        let mut at = 0;
        all.retain(|_| {
            at += 1;
            only.contains(&(at - 1))
        });
    } // TEMPORARY
    all
}

/// Once everybody has got an answer, or an error, who was left behind ends by himself.
fn nobody_is_left(world: &World) -> Option<String> {
    let deadline = std::time::Instant::now() + Duration::from_secs(2) * slowness();
    while !world.strangers().is_empty() {
        if std::time::Instant::now() > deadline {
            return Some(format!("still there after the release: {:?}", world.strangers()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// Whether this kernel, and this user, can have such situations; says why not.
pub(crate) fn can_be_made() -> bool {
    let root = crate::skip::is_root();
    if !root {
        skip(Skip::NeedsRoot);
    }
    root && kernel() >= [5, 8]
}
