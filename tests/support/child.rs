//! Other processes, which hold what a test hands them, and end with the test.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Between fork and exec a child holds every descriptor of its parent, those of other tests too:
/// scans read, births write.
static BIRTHS: RwLock<()> = RwLock::new(());

/// Starts a process while no test scans.
pub(crate) fn spawn(command: &mut Command) -> Child {
    try_spawn(command).expect("the program is there")
}

/// The same for a program that may not be installed.
pub(crate) fn try_spawn(command: &mut Command) -> std::io::Result<Child> {
    let _alone = BIRTHS.write().unwrap_or_else(PoisonError::into_inner);
    // Returns after exec.
    command.spawn()
}

/// While this is held, no test starts a process.
pub(crate) fn no_child_is_born() -> RwLockReadGuard<'static, ()> {
    BIRTHS.read().unwrap_or_else(PoisonError::into_inner)
}

/// A process that does nothing but hold one descriptor, as its standard input.
pub(crate) struct Sleeper(Child);

impl Sleeper {
    /// The number of the descriptor that it holds.
    pub(crate) const FD: u32 = 0;

    /// Starts a program that does no more than that; it has `fd` as its standard input.
    pub(crate) fn running(command: &mut Command, fd: impl Into<OwnedFd>) -> Sleeper {
        Sleeper(spawn(command.stdin(fd.into()).stdout(Stdio::null()).stderr(Stdio::null())))
    }

    /// Hands `fd` over.
    pub(crate) fn holding(fd: impl Into<OwnedFd>) -> Sleeper {
        let mut command = Command::new("sleep");
        Sleeper::running(command.arg("300"), fd)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
