//! Network namespaces that a test makes: named or nameless, joined by veth or alone. Each is gone
//! when the value that stands for it is dropped, also when the test fails.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use skcheck_core::NetnsId;

use super::child::spawn;
use super::netns::loopback_up;

/// The number of the namespace that a file stands for.
pub(crate) fn id(netns: &impl AsFd) -> NetnsId {
    NetnsId(rustix::fs::fstat(netns).expect("it is open").st_ino)
}

/// Runs `make` on a thread inside a namespace. The sockets that it makes stay there.
pub(crate) fn inside<T: Send>(netns: &impl AsFd, make: impl FnOnce() -> T + Send) -> T {
    let netns = netns.as_fd();
    on_a_thread(move || {
        move_into_link_name_space(netns, Some(LinkNameSpaceType::Network)).expect("root may");
        make()
    })
}

/// A new namespace without a name, with loopback up. It lives as long as somebody has the file or a
/// descriptor of one of its sockets.
pub(crate) fn nameless() -> File {
    on_a_thread(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("root may");
        loopback_up();
        File::open("/proc/thread-self/ns/net").expect("/proc is mounted")
    })
}

fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().expect("it does not panic"))
}

/// A namespace of `ip netns`, with loopback up.
pub(crate) struct Named {
    pub(crate) name: String,
}

impl Named {
    /// `label` is unique in this program; the name is unique on the host.
    pub(crate) fn new(label: &str) -> Named {
        let named = Named { name: format!("skt{}-{label}", std::process::id()) };
        run("ip", &["netns", "add", &named.name]);
        inside(&named.file(), loopback_up);
        named
    }

    pub(crate) fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.name)
    }

    pub(crate) fn file(&self) -> File {
        File::open(self.path()).expect("ip netns has made it")
    }

    pub(crate) fn id(&self) -> NetnsId {
        id(&self.file())
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // A test that removed it itself has nothing left to remove.
        if self.path().exists() {
            let _ = output(&mut command("ip", &["netns", "del", &self.name]));
        }
    }
}

/// Joins two namespaces by a cable; each end has an address of the same network.
pub(crate) fn connect(a: (&Named, &str), b: (&Named, &str)) {
    let (left, right) = (format!("l{}", std::process::id()), format!("r{}", std::process::id()));
    let (a_name, b_name) = (a.0.name.as_str(), b.0.name.as_str());
    run(
        "ip",
        &["link", "add", &left, "netns", a_name, "type", "veth", "peer", "name", &right, "netns", b_name],
    );
    for ((netns, address), link) in [(a, &left), (b, &right)] {
        run("ip", &["-n", &netns.name, "addr", "add", &format!("{address}/24"), "dev", link]);
        run("ip", &["-n", &netns.name, "link", "set", link, "up"]);
    }
}

/// A process that says one line when it is ready, and ends when this is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) said: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        command.stdout(Stdio::piped());
        let mut child = spawn(command);
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut said).expect("it says something");
        Running { child, said: said.trim().to_owned() }
    }

    /// The process that was started.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its only child.
    pub(crate) fn child_pid(&self) -> u32 {
        let pid = self.pid();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("it runs");
        children.trim().parse().expect("one child")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
///
/// # Panics
/// When it fails.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = output(&mut command(program, arguments));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {err}");
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(command: &mut Command) -> std::process::Output {
    spawn(command).wait_with_output().expect("it ends")
}
