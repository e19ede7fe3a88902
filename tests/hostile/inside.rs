//! The first process of a situation's own namespaces (processes, mounts, network). When it ends, the kernel
//! ends all others there; and it ends when its test does, and after its [`lifetime`]. The file system is a
//! process of its own, which never waits for anything but questions: once it is gone, nobody waits for its
//! answers.

use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::{MountFlags, mount, mount_bind};

use crate::command::program;
use crate::fuse::{DEVICE, FileSystem, PLACE};
use crate::role::{call, lifetime, playing, tell};

/// The program there, which everybody may run.
pub(crate) const PROGRAM: &str = "/mnt/skcheck";
/// The user who has no privileges.
pub(crate) const NOBODY: u32 = 65_534;
/// One who has nothing else running.
pub(crate) const SOMEBODY: u32 = 65_533;

/// `user ROLE...` or `root ROLE...`: who mounts the file system and plays the roles.
#[expect(clippy::zombie_processes, reason = "a thread waits for whoever ends")]
pub(crate) fn first_process(words: &[String]) {
    call("sk-first");
    std::thread::spawn(|| {
        std::thread::sleep(lifetime());
        std::process::exit(1);
    });
    run("ip", &["link", "set", "lo", "up"]);
    mount("none", "/mnt", "tmpfs", MountFlags::empty(), None).expect("root may");
    std::fs::create_dir(PLACE).expect("it is empty");
    let everybody = Mode::from_raw_mode(0o666);
    mknodat(CWD, DEVICE, FileType::CharacterDevice, everybody, makedev(10, 229)).expect("root may");
    rustix::fs::chmod(DEVICE, everybody).expect("root may");
    std::fs::File::create(PROGRAM).expect("it is empty");
    mount_bind(program(), PROGRAM).expect("root may");
    std::thread::spawn(|| {
        loop {
            if rustix::process::wait(rustix::process::WaitOptions::empty()).is_err() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    for (user, bytes) in [(0, "12345"), (SOMEBODY, "2345")] {
        let mut beside = playing(&format!("beside {bytes}"));
        beside.uid(user).gid(user).stdin(Stdio::null()).spawn().expect("it starts");
    }
    let mut files = playing(&format!("files {}", words.join(" ")));
    if words[0] == "user" {
        files.uid(NOBODY).gid(NOBODY);
    }
    let mut files = files.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut said = files.stdin.take().expect("piped");
    for line in std::io::stdin().lock().lines() {
        let _ = said.write_all(format!("{}\n", line.expect("text")).as_bytes());
    }
}

/// The process that is the file system, and has started those that use it.
#[expect(clippy::zombie_processes, reason = "they end with it")]
pub(crate) fn files(words: &[String]) {
    call("sk-files");
    let as_user = words[0] == "user";
    if as_user {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).expect("user namespaces are allowed");
        for (file, text) in [
            ("setgroups", "deny".into()),
            ("uid_map", format!("0 {NOBODY} 1")),
            ("gid_map", format!("0 {NOBODY} 1")),
        ] {
            std::fs::write(Path::new("/proc/self").join(file), text).expect("the first one may");
        }
    }
    let files = FileSystem::mount(!as_user);
    for role in &words[1..] {
        let (role, times) = role.split_once('*').unwrap_or((role, "1"));
        for _ in 0..times.parse().expect("a number") {
            playing(role).stdin(Stdio::null()).spawn().expect("it starts");
        }
    }
    tell("mounted");
    files.serve();
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().expect("it is installed");
    assert!(status.success(), "{program} {arguments:?}");
}
