//! The child that holds a stalled reader.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::commands::failure::{Failure, Outcome};
use crate::commands::program;
use crate::stall::StalledReader;

/// How long the child may take to make its reader.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the child says when its reader stalls.
const READY: &str = "ready";

/// The child's side: makes the reader, says so, and holds it until standard input ends, which it
/// does with the parent, however that ends.
pub(crate) fn hold(fragments: u32) -> Result<Outcome, Failure> {
    let stalled = StalledReader::make(fragments as usize)
        .map_err(|error| cannot("make a stalled reader on loopback", &error))?;
    std::thread::sleep(ACKNOWLEDGED);
    writeln!(io::stdout(), "{READY}").map_err(Failure::Output)?;
    let _ = io::stdin().read_to_end(&mut Vec::new());
    drop(stalled);
    Ok(Outcome { code: 0 })
}

/// After this long the last acknowledgements have come (`TCP_DELACK_MIN` is 40 ms), and nothing
/// unsent distracts from what is unread.
const ACKNOWLEDGED: Duration = Duration::from_millis(100);

/// The child, and what keeps it alive: our end of its standard input.
pub(super) struct Staller {
    child: Child,
}

impl Staller {
    /// Whose sockets these are.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts it, and waits until its reader stalls.
    pub(super) fn start(fragments: u32) -> Result<Staller, Failure> {
        let mut child = program::program()
            .args(["hold-stalled-reader", "--fragments", &fragments.to_string()])
            // A terminal's Ctrl-C is for the parent: the child ends with that.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| cannot("start a child process", &error))?;
        let output = child.stdout.take();
        let staller = Staller { child };
        let line = output.map(|output| first_line(output, PATIENCE)).transpose();
        match line.map_err(|error| cannot("start a thread", &error))?.flatten() {
            Some(line) if line.trim_end() == READY => Ok(staller),
            _ => Err(Failure::Cannot {
                what: format!("the child did not make its stalled reader within {} s", PATIENCE.as_secs()),
                remedy: "loopback may be slow or its buffers small here: try fewer --fragments".to_owned(),
            }),
        }
    }

    /// Lets the child go, and waits until it has gone.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        self.child.wait().map(drop).map_err(|error| cannot("wait for the child", &error))
    }
}

impl Drop for Staller {
    fn drop(&mut self) {
        // Nothing happens to a child that has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `None` where none comes in time.
fn first_line(output: ChildStdout, patience: Duration) -> io::Result<Option<String>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::Builder::new().spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        let _ = sender.send(read.map(|_| line));
    })?;
    Ok(receiver.recv_timeout(patience).ok().and_then(Result::ok))
}

fn cannot(what: &str, error: &io::Error) -> Failure {
    Failure::Cannot {
        what: format!("cannot {what}: {error}"),
        remedy: "the demonstration needs loopback TCP, /proc and a second process".to_owned(),
    }
}
