//! Readers that wait for the reader of a pipe, as they are told of.

use std::io::{Write as _, pipe};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::run::{Unread, run, skcheck, wait_until};

/// A program that ends with its test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(words: &[&str], from: impl Into<Stdio>, to: impl Into<Stdio>) -> Ends {
    Ends(Command::new(words[0]).args(&words[1..]).stdin(from).stdout(to).spawn().unwrap())
}

fn wchan(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap()
}

#[test]
fn the_reader_of_a_pipe_is_named() {
    let (reader, writer) = pipe().unwrap();
    let gzip = start(&["gzip", "-c"], reader, Stdio::null());
    kill_process(Pid::from_child(&gzip.0), Signal::STOP).unwrap();
    let Unread { writer: mut client, reader: socket } = Unread::make(1);
    let port = socket.local_addr().unwrap().port();
    let cat = start(&["cat"], std::os::fd::OwnedFd::from(socket), writer);
    client.write_all(&[b'x'; 300_000]).unwrap();
    let (cat, gzip) = (cat.0.id(), gzip.0.id());
    wait_until("cat cannot write", || wchan(cat).ends_with("pipe_write"));
    let name = std::fs::read_link(format!("/proc/{cat}/fd/1")).unwrap();

    // On any port but this there are other tests.
    let arguments = format!("watch --pid {cat} --port {port} --for 1s");
    let ran = run(&mut skcheck(&arguments));
    let lines: Vec<&str> = ran.out.lines().collect();
    let expected = format!("gzip ({gzip}) holds up cat ({cat}): cat has read nothing for ");
    assert!(lines[0].starts_with(&expected), "{}", ran.out);
    let expected = format!(
        "Because: cat's thread {cat} is blocked writing to a pipe (fd 1), whose reader gzip ({gzip}), fd 0, has read \
         nothing either, because it is stopped (SIGSTOP, or job control). Root: gzip ({gzip})."
    );
    assert_eq!(lines[1], expected);
    let row = lines.iter().find(|line| line.starts_with(&format!("cat {cat}"))).unwrap();
    assert!(row.contains(&format!("  held up by gzip {gzip}: stopped")), "{row}");
    let summary = format!("Why: gzip ({gzip}) is stopped, and holds up cat ({cat}).");
    assert!(lines.contains(&summary.as_str()), "{}", ran.out);

    let ran = run(&mut skcheck(&format!("{arguments} --format jsonl")));
    let document: Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    let socket = &document["sockets"][0];
    assert_eq!((&socket["verdict"], &socket["cause"]["code"]), (&"stalled".into(), &"backpressure".into()));
    assert_eq!((&socket["root"]["pid"], &socket["root"]["code"]), (&gzip.into(), &"stopped".into()));
    let link = json!({
        "writer": socket["chain"]["links"][0]["writer"], "wait": "blocked", "over": "pipe",
        "name": name.to_str().unwrap(), "unsent": null, "taken_per_s": null,
        "reader": socket["chain"]["links"][0]["reader"], "consumed_per_s": null, "pairing": "only",
    });
    assert_eq!(socket["chain"]["links"], json!([link]));
    let ends = |at: &str| (link[at]["pid"].clone(), link[at]["fd"].clone());
    assert_eq!((ends("writer"), ends("reader")), ((cat.into(), 1.into()), (gzip.into(), 0.into())));
}
