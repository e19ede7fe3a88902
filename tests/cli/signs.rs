//! Numbers that are below 0 in the kernel.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;

use crate::run::{json, wait_until};

/// A connection whose reading end is in a sockmap, and what was sent lies in the map's queue. Prints the port
/// and how much was sent, and ends with its standard input. What bpf(2) is called with is in linux/bpf.h.
const SOCKMAP: &str = r#"
use strict; use warnings; use Socket;
my $number = (`uname -m` =~ /aarch64/) ? 280 : 321;
sub pointer { unpack("Q", pack("P", $_[0])) }
sub bpf {
    my ($command, $attributes) = @_;
    $attributes .= "\0" x (128 - length $attributes);
    my $got = syscall($number, $command, $attributes, 128);
    if ($got < 0) { print "0 0 bpf($command): $!\n"; exit }
    $got
}
$| = 1;
socket(my $listener, PF_INET, SOCK_STREAM, 0) or die; bind($listener, sockaddr_in(0, INADDR_LOOPBACK)) or die;
setsockopt($listener, SOL_SOCKET, 33, pack("l", 16 << 20)) or die; listen($listener, 1) or die;
socket(my $writer, PF_INET, SOCK_STREAM, 0) or die; connect($writer, getsockname $listener) or die;
accept(my $reader, $listener) or die;
my ($sockmap, $sk_skb, $stream_verdict) = (15, 14, 5);
my $map = bpf(0, pack("L4", $sockmap, 4, 4, 1));
my $pass = pack("CCsl", 0xb7, 0, 0, 1) . pack("CCsl", 0x95, 0, 0, 0); my $license = "GPL\0";
my $program = bpf(5, pack("LLQQ", $sk_skb, 2, pointer($pass), pointer($license)));
bpf(8, pack("L4", $map, $program, $stream_verdict, 0));
my ($key, $value) = (pack("L", 0), pack("L", fileno $reader));
bpf(2, pack("LLQQQ", $map, 0, pointer($key), pointer($value), 0));
my $sent = 0;
for (1..200) { $sent += syswrite($writer, "s" x 15000) // die }
print +(sockaddr_in(getsockname $reader))[0], " $sent\n";
<STDIN>;
"#;

struct Sockmap {
    child: Child,
    _ends_it: ChildStdin,
    port: u16,
}

impl Sockmap {
    /// `None` where this user may not, or the kernel has none.
    fn make() -> Option<Sockmap> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: needs root");
            return None;
        }
        let mut command = Command::new("perl");
        let mut child =
            command.args(["-e", SOCKMAP]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ends_it = child.stdin.take().unwrap();
        let port = line.split(' ').next().unwrap().parse().unwrap();
        let sockmap = Sockmap { child, _ends_it: ends_it, port };
        if port == 0 {
            println!("skipped: needs CONFIG_BPF_STREAM_PARSER: {line}");
            return None;
        }
        Some(sockmap)
    }

    /// `sk_forward_alloc` of the reader, as `ss` prints it: unsigned.
    fn told_by_ss(&self) -> Option<u32> {
        let output = Command::new("ss").args(["-tnmH", "sport", "=", &format!(":{}", self.port)]).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.split(['(', ',']).find_map(|word| word.strip_prefix('f')?.parse().ok())
    }
}

impl Drop for Sockmap {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// More is used than was reserved: 4 GiB less than nothing is not 4 GiB.
#[test]
fn what_is_reserved_may_be_below_nothing() {
    let Some(sockmap) = Sockmap::make() else { return };
    let is_negative = |number: u32| number.cast_signed() < 0;
    wait_until("it is below 0", || sockmap.told_by_ss().is_some_and(is_negative));
    for engine in ["proc", "bpf"] {
        let arguments =
            format!("-t --port {} --pid {} --all --engine {engine}", sockmap.port, sockmap.child.id());
        let (mut report, mut expected) = (Value::Null, 0);
        wait_until("nothing moves meanwhile", || {
            let before = sockmap.told_by_ss().unwrap();
            report = json(&arguments);
            expected = before.cast_signed();
            sockmap.told_by_ss() == Some(before)
        });
        let sockets = report["sockets"].as_array().unwrap();
        let is_reader =
            |socket: &&Value| socket["local"]["port"] == sockmap.port && socket["state"] == "established";
        let reader = sockets.iter().find(is_reader).unwrap();
        assert_eq!(reader["skmem"]["fwd_alloc"], expected, "{engine}: {reader:#}");
    }
}
