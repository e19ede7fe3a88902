//! The test's side of a situation: makes it, runs commands in it, and undoes it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns, unshare};

use crate::command::watchdog;
use crate::role::playing;

/// A socket that somebody holds, and that has unread data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) pid: u32,
    pub(crate) fd: u32,
    pub(crate) inode: u64,
    pub(crate) unread: u64,
}

/// A process that waits.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) pid: u32,
    pub(crate) shows: Shows,
}

/// How the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shows {
    /// Its main thread waits in this function.
    WaitIn(String),
    /// Who reads this file of its directory in /proc waits.
    Silent(String),
    /// It does not wait, or not always.
    Nothing,
}

impl Shows {
    /// It waits for an answer of a file system.
    pub(crate) fn waits_for_a_file() -> Shows {
        Shows::WaitIn("request_wait_answer".to_owned())
    }

    fn parse(word: &str) -> Shows {
        match word.split_once(':') {
            Some(("wait-in", function)) => Shows::WaitIn(function.to_owned()),
            Some((_, file)) => Shows::Silent(file.to_owned()),
            None => Shows::Nothing,
        }
    }
}

impl std::fmt::Display for Shows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shows::WaitIn(function) => write!(f, "wait-in:{function}"),
            Shows::Silent(file) => write!(f, "silent:{file}"),
            Shows::Nothing => f.write_str("nothing"),
        }
    }
}

pub(crate) struct World {
    unshare: Child,
    /// `None`: it was undone.
    say: Option<ChildStdin>,
    first: u32,
    /// Processes that were there before any command was.
    known: BTreeSet<u32>,
    /// The readers that stand still beside it all: root's, and another user's.
    pub(crate) beside: Vec<Held>,
    /// Sockets of those that are stuck.
    pub(crate) held: Vec<Held>,
    /// The same of MPTCP, of which nothing tells what is unread.
    pub(crate) held_mptcp: Vec<Held>,
    /// Who keeps others waiting.
    pub(crate) stuck: Vec<Waiting>,
    /// Who only waits.
    pub(crate) innocent: Vec<Waiting>,
    /// What this kernel, or its settings, do not let this user make.
    pub(crate) unable: bool,
}

/// A user without privileges makes it, where users may have namespaces of their own.
pub(crate) fn user(roles: &str) -> World {
    let says = |file: &str, value: &str| {
        std::fs::read_to_string(format!("/proc/sys/{file}")).is_ok_and(|text| text.trim() == value)
    };
    let barred = says("user/max_user_namespaces", "0")
        || says("kernel/unprivileged_userns_clone", "0")
        || says("kernel/apparmor_restrict_unprivileged_userns", "1");
    World::make(if barred { "root" } else { "user" }, roles)
}

/// Root makes it: no user may.
pub(crate) fn root(roles: &str) -> World {
    World::make("root", roles)
}

impl World {
    fn make(who: &str, roles: &str) -> World {
        let mut command = Command::new("unshare");
        // When unshare ends, so does its child; and when this test does, its child's standard input ends.
        command.args(["--net", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child"]);
        let play = playing(&format!("world {who} {roles}"));
        command.arg(std::env::current_exe().expect("it has a path"));
        command.envs(play.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut unshare =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it is installed");
        let out = unshare.stdout.take().expect("piped");
        let (send, facts) = channel();
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).for_each(|line| drop(send.send(line)));
        });
        let say = unshare.stdin.take();
        let mut world = World {
            unshare,
            say,
            first: 0,
            known: BTreeSet::new(),
            beside: Vec::new(),
            held: Vec::new(),
            held_mptcp: Vec::new(),
            stuck: Vec::new(),
            innocent: Vec::new(),
            unable: false,
        };
        let of_roles =
            |role: &str| role.split_once('*').map_or(1, |(_, times)| times.parse().expect("a number"));
        world.listen(&facts, roles.split_whitespace().map(of_roles).sum());
        world.settle();
        world
    }

    /// Until everybody has told who he is.
    fn listen(&mut self, facts: &Receiver<String>, roles: usize) {
        let deadline = Instant::now() + watchdog();
        while self.beside.len() < 2 || (self.stuck.len() + self.innocent.len() < roles && !self.unable) {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match facts.recv_timeout(left) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!("not made in time: {self:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("ended before it was made: {self:?}"),
            };
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<u32>().expect("a number");
            let held =
                || Held { pid: number(1), fd: number(2), inode: number(3).into(), unread: number(4).into() };
            let waiting = || Waiting { pid: number(1), shows: Shows::parse(words[2]) };
            match words[0] {
                "beside" => self.beside.push(held()),
                "holds" => self.held.push(held()),
                "holds-mptcp" => self.held_mptcp.push(held()),
                "stuck" => self.stuck.push(waiting()),
                "innocent" => self.innocent.push(waiting()),
                "unable" => self.unable = true,
                _ => {}
            }
        }
        let children = format!("/proc/{0}/task/{0}/children", self.unshare.id());
        self.first = std::fs::read_to_string(children).expect("it runs").trim().parse().expect("one child");
    }

    /// Until everybody waits where he said that he would.
    fn settle(&mut self) {
        let all: Vec<Waiting> = self.stuck.iter().chain(&self.innocent).cloned().collect();
        for waiting in &all {
            match self.comm(waiting.pid).as_str() {
                "sk-witness" => self.tell("dead"),
                "sk-slow-boot" => self.tell("slow"),
                _ => {}
            }
        }
        all.iter().for_each(|waiting| self.see(waiting));
        self.known = self.processes();
    }

    /// Until the kernel shows what it shall.
    fn see(&self, waiting: &Waiting) {
        let deadline = Instant::now() + watchdog();
        let pid = waiting.pid;
        match &waiting.shows {
            Shows::WaitIn(function) => {
                while self.wait_channel(pid) != *function {
                    let waits_in = self.wait_channel(pid);
                    assert!(Instant::now() < deadline, "waits in {waits_in}, and not as told: {waiting:?}");
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            Shows::Silent(file) => {
                // It may be on its way there yet.
                while self.is_answered(&format!("/proc/{pid}/{file}")) {
                    assert!(Instant::now() < deadline, "answers: {waiting:?}");
                }
            }
            Shows::Nothing => {}
        }
    }

    /// Whether a file can be read there, or whoever reads it waits and does not go on.
    pub(crate) fn is_answered(&self, file: &str) -> bool {
        /// So often it waits in the same place, not having run meanwhile.
        const LOOKS: u32 = 50;
        let mut reader = Command::new("cat");
        let mut reader =
            self.start(reader.arg(file).stdin(Stdio::null()).stdout(Stdio::null())).expect("it lasts");
        let (mut last, mut same) = (None, 0);
        while same < LOOKS {
            if reader.try_wait().expect("a child").is_some() {
                return true;
            }
            let now = waits(reader.id());
            same = if now.is_some() && now == last { same + 1 } else { 0 };
            last = now;
            std::thread::sleep(Duration::from_millis(5));
        }
        // Whoever waits for these locks can be killed.
        let _ = reader.kill();
        let _ = reader.wait();
        false
    }

    /// Tells the file system how to go on.
    pub(crate) fn tell(&mut self, word: &str) {
        // Who has ended by himself needs not be told.
        let _ = self.say.as_mut().map(|say| say.write_all(format!("{word}\n").as_bytes()));
    }

    /// Takes the file system away: everybody who waits for it goes on.
    pub(crate) fn release(&mut self) {
        self.tell("release");
    }

    /// Its processes' directory, which can be read from outside: no file there may be read but `comm`,
    /// `status` and `wchan`, which wait for nobody.
    fn proc(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root/proc", self.first))
    }

    /// The processes that are there.
    fn processes(&self) -> BTreeSet<u32> {
        let entries = self.proc().read_dir().into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    pub(crate) fn comm(&self, pid: u32) -> String {
        let comm = std::fs::read_to_string(self.proc().join(format!("{pid}/comm"))).unwrap_or_default();
        comm.trim_end().to_owned()
    }

    /// The kernel function in which a process sleeps; `0` where it does not.
    pub(crate) fn wait_channel(&self, pid: u32) -> String {
        std::fs::read_to_string(self.proc().join(format!("{pid}/wchan"))).unwrap_or_default()
    }

    /// What commands have started, and is still there: pid, name, and where it waits.
    pub(crate) fn strangers(&self) -> Vec<(u32, String, String)> {
        let pids = self.processes().difference(&self.known).copied().collect::<Vec<_>>();
        let named = pids.into_iter().map(|pid| (pid, self.comm(pid)));
        // Those that start programs have children too.
        let of_commands = named.filter(|(_, comm)| !["", "sleep", "sk-slowly"].contains(&comm.as_str()));
        of_commands.map(|(pid, comm)| (pid, comm, self.wait_channel(pid))).collect()
    }

    /// The most memory that one of the strangers has had.
    pub(crate) fn most_memory(&self) -> u64 {
        let peak = |pid: &u32| {
            let status = std::fs::read_to_string(self.proc().join(format!("{pid}/status"))).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        };
        self.processes().difference(&self.known).filter_map(peak).max().unwrap_or(0) * 1024
    }

    /// Starts a command among its processes. An error: the situation has ended by itself.
    pub(crate) fn start(&self, command: &mut Command) -> std::io::Result<Child> {
        let namespace = |kind: &str| File::open(format!("/proc/{}/ns/{kind}", self.first));
        let namespaces = [
            (namespace("mnt")?, CloneFlags::CLONE_NEWNS),
            (namespace("net")?, CloneFlags::CLONE_NEWNET),
            (namespace("pid")?, CloneFlags::CLONE_NEWPID),
        ];
        let inside = || {
            // This thread alone goes there.
            unshare(CloneFlags::CLONE_FS).expect("any thread may");
            for (file, kind) in &namespaces {
                setns(file, *kind)?;
            }
            command.spawn()
        };
        std::thread::scope(|scope| scope.spawn(inside).join().expect("it does not panic"))
    }
}

/// Where in the kernel a process waits, and how often it had run before; `None`: it does not wait.
fn waits(pid: u32) -> Option<(String, String)> {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    let status = read("status")?;
    let times = status.lines().filter(|line| line.contains("ctxt_switches")).collect();
    Some((read("wchan").filter(|function| function != "0")?, times))
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stuck {:?}, innocent {:?}, beside {:?}", self.stuck, self.innocent, self.beside)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The first process ends, and with it all others.
        self.say = None;
        let _ = self.unshare.wait();
    }
}
