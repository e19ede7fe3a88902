//! Namespaces of the test's own, in which all of it runs and ends: the test binary runs itself there.

use std::io::Read as _;
use std::process::{ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::TEST;

/// Set in the environment of such a process: what it shall do.
const ROLE: &str = "SKCHECK_TEST_ROLE";

/// The role that scans. It is the first process of its pid namespace, and whatever lives there ends with it.
pub(crate) const INSIDE: &str = "inside";

/// A watchdog: no process of the test lives longer, whatever it waits for.
const LIFETIME: Duration = Duration::from_secs(900);

/// The role that this process plays; `None` for the test itself.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Runs the test in pid, network and mount namespaces of its own.
pub(crate) fn run_inside() {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--net", "--mount", "--fork", "--kill-child", "--mount-proc"]);
    let mut child = Child::spawn(command.arg(this()), INSIDE);
    let mut said = String::new();
    child.output().read_to_string(&mut said).expect("it is text");
    println!("{said}");
    assert!(child.ends_well(), "in its own namespaces it failed");
    assert!(said.contains("1 passed"), "no test is called {TEST}");
}

/// Ends this process when its parent is gone, however that ended, and in time.
pub(crate) fn end_with_parent() {
    thread::spawn(|| {
        thread::sleep(LIFETIME);
        eprintln!("{:?} has taken longer than {LIFETIME:?}", role());
        std::process::exit(1);
    });
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}

pub(crate) fn loopback_up() {
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    assert!(up.expect("ip is there").success());
}

fn this() -> std::path::PathBuf {
    std::env::current_exe().expect("the test binary has a path")
}

/// A process in a role; it ends when this is dropped.
pub(crate) struct Child(std::process::Child);

impl Child {
    pub(crate) fn start(role: &str) -> Child {
        Child::spawn(&mut Command::new(this()), role)
    }

    fn spawn(command: &mut Command, role: &str) -> Child {
        command.args(["--exact", TEST, "--nocapture", "--test-threads=1"]).env(ROLE, role);
        Child(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be started"))
    }

    /// What it says; to be taken once.
    pub(crate) fn output(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("taken once")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    fn ends_well(&mut self) -> bool {
        self.0.wait().expect("a child").success()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
