//! Runs the program, and makes what it shall see.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_skcheck");

/// A watchdog: what has not come after so long does not come, on a very busy machine either.
const WATCHDOG: Duration = Duration::from_secs(300);

/// The program, with a locale that can write everything.
pub(crate) fn skcheck(arguments: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments.split_whitespace()).env("LC_ALL", "C.UTF-8");
    command
}

/// What it prints and how it ends.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

pub(crate) fn json(arguments: &str) -> Value {
    let ran = run(&mut skcheck(&format!("{arguments} --format json")));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    serde_json::from_str(&ran.out).unwrap()
}

/// A connection over loopback whose reader has not read `unread` bytes.
pub(crate) struct Unread {
    pub(crate) writer: TcpStream,
    pub(crate) reader: TcpStream,
}

impl Unread {
    pub(crate) fn make(unread: usize) -> Unread {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let reader = listener.accept().unwrap().0;
        writer.write_all(&vec![b'x'; unread]).unwrap();
        wait_until("the bytes have arrived", || {
            rustix::io::ioctl_fionread(&reader).unwrap() == unread as u64
        });
        let port = writer.local_addr().unwrap().port();
        wait_until("they are acknowledged", || !is_unacknowledged(port));
        Unread { writer, reader }
    }

    /// The port at the reader's end, which only the two ends have.
    pub(crate) fn port(&self) -> u16 {
        self.reader.local_addr().unwrap().port()
    }
}

/// Whether the IPv4 socket at this local port waits for acknowledgements (`tx_queue` of /proc/net/tcp).
fn is_unacknowledged(port: u16) -> bool {
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    let mut of_port = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let queues = of_port.find(|words| words.get(1).is_some_and(|address| address.ends_with(&local)));
    queues.is_none_or(|words| !words[4].starts_with("00000000:"))
}

/// How a child ends, and what it has left to say.
///
/// # Panics
/// When the watchdog has to end it.
pub(crate) fn ends(mut child: Child) -> Ran {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut text, mut error) = (String::new(), String::new());
        out.map(|mut out| out.read_to_string(&mut text).unwrap());
        err.map(|mut err| err.read_to_string(&mut error).unwrap());
        said.send((text, error))
    });
    let Ok((out, err)) = heard.recv_timeout(WATCHDOG) else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("it does not end");
    };
    Ran { code: child.wait().unwrap().code(), out, err }
}

/// Waits until something is so.
///
/// # Panics
/// When the watchdog ends that.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + WATCHDOG;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What the program prints on a terminal of so many columns.
pub(crate) fn on_terminal(command: &mut Command, columns: u16) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = rustix::termios::Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&terminal, size).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let child_side = std::fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
    let mut child = command.stdout(child_side).spawn().unwrap();
    // The last end of the terminal must go with the child, or reading would not end.
    *command = Command::new("true");
    let mut shown = Vec::new();
    // EIO: the other end is closed.
    let _ = std::fs::File::from(terminal).read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    String::from_utf8(shown).unwrap().replace("\r\n", "\n")
}
