//! What makes a situation are small programs: this test binary, run once more with the name of a role.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::command::watchdog;

/// The environment variable that names the role, with what it is told behind blanks.
const ROLE: &str = "SKCHECK_TEST_ROLE";
/// Every situation ends after so long, whatever became of the test: it outlives every [`watchdog`].
pub(crate) fn lifetime() -> Duration {
    watchdog() * 10
}

/// A program that will play a role.
pub(crate) fn playing(role: &str) -> Command {
    // Nobody is barred from it there, wherever it lies.
    let mut command = Command::new("/proc/self/exe");
    command.env(ROLE, role);
    command
}

/// Tells the test something: one line.
pub(crate) fn tell(fact: &str) {
    let line = format!("{fact}\n");
    let _ = std::io::stdout().write_all(line.as_bytes());
}

/// Gives this process another name.
pub(crate) fn call(name: &str) {
    let name = std::ffi::CString::new(name).expect("no NUL");
    rustix::thread::set_name(&name).expect("any name will do");
}

/// Runs before `main`, which is the test harness's, and becomes the role where one is named: a process that
/// makes a user namespace has one thread.
#[used]
#[allow(unsafe_code)] // the attribute is: what it names must be a function like this one
#[unsafe(link_section = ".init_array")]
static ENTRY: extern "C" fn() = enter;

extern "C" fn enter() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let mut words = role.split_whitespace().map(str::to_owned);
    let name = words.next().unwrap_or_default();
    let words: Vec<String> = words.collect();
    if name != "limited" {
        set_parent_process_death_signal(Some(Signal::KILL)).expect("anyone may");
        nix::unistd::alarm::set(lifetime().as_secs().try_into().expect("small"));
    }
    crate::roles::play(&name, &words);
    std::process::exit(0);
}
