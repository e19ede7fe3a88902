//! JSON: every field, against what was made and against `ss`.

use std::process::Command;

use serde_json::Value;

use crate::run::{Unread, json, run, skcheck};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn assert_has(value: &Value, fields: &str) {
    let keys = keys(value);
    for field in fields.split_whitespace() {
        assert!(keys.contains(&field), "{field} in {keys:?}");
    }
}

#[test]
fn every_documented_field_is_always_there() {
    let unread = Unread::make(50);
    let report = json(&format!("--all --pid {} --port {}", std::process::id(), unread.port()));
    assert_eq!(report["schema"], "skcheck.scan/1");
    assert_eq!(report["engine"], "sock_diag");
    assert_has(
        &report,
        "schema taken_at duration_ms engine descriptors_engine host totals processes sockets gaps",
    );
    assert_has(&report["host"], "kernel page_size chunk_size max_skb_frags");
    assert_has(
        &report["totals"],
        "sockets processes unread unread_unknown charged rings rings_unknown worst measured pinned pages unlisted_tcp_mem",
    );
    for socket in report["sockets"].as_array().unwrap() {
        assert_has(
            socket,
            "family protocol state inode cookie uid local peer peer_inode recv_q recv_q_unit send_q send_q_unit \
             pinned send_pinned pinned_shared not_measured exact exact_agrees exact_agreement handed_in slab \
             not_counted unread charged worst worst_basis unsent send_charged send_worst skmem awaiting_accept ambiguous \
             shared holders peer_holders peer_inferred rings ring_bytes mptcp_token subflows portid_pid netns cgroup unit container",
        );
        assert_has(
            &socket["skmem"],
            "rmem_alloc rcvbuf wmem_alloc sndbuf fwd_alloc wmem_queued optmem backlog drops",
        );
        assert_has(&socket["local"], "addr port scope");
    }
    for process in report["processes"].as_array().unwrap() {
        assert_has(process, "pid start_time comm cmdline uid ns_pid cgroup unit container");
    }
    let own = &report["namespaces"][0];
    assert_has(own, "inode name own");
    assert_eq!(own["own"], true);
    let link = std::fs::read_link("/proc/self/ns/net").unwrap();
    assert_eq!(link.to_str().unwrap(), format!("net:[{}]", own["inode"]));
    assert_eq!(&report["sockets"][0]["netns"], own);
    for gap in report["gaps"].as_array().unwrap() {
        assert_has(gap, "what where count remedy");
    }
}

#[test]
fn the_document_lists_every_field() {
    let unread = Unread::make(50);
    let report = json(&format!("--all --pid {} --port {}", std::process::id(), unread.port()));
    assert!(assert_documented(&report) > 50);
}

/// Every field has its place in the document; how many there are.
pub(crate) fn assert_documented(value: &Value) -> usize {
    let document = include_str!("../../docs/json.md");
    let mut fields = Vec::new();
    collect_fields(value, &mut fields);
    for field in &fields {
        assert!(document.contains(&format!("`{field}`")), "docs/json.md says nothing about {field}");
    }
    fields.len()
}

fn collect_fields(value: &Value, fields: &mut Vec<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| {
            fields.push(key.clone());
            collect_fields(value, fields);
        }),
        Value::Array(values) => values.iter().for_each(|value| collect_fields(value, fields)),
        _ => {}
    }
}

#[test]
fn numbers_are_those_of_ss_and_of_the_maker() {
    let unread = Unread::make(30_000);
    let report = json(&format!("-t --min-recvq 1 --pid {} --port {}", std::process::id(), unread.port()));
    let sockets = report["sockets"].as_array().unwrap();
    let [socket] = sockets.as_slice() else { panic!("one socket holds something: {report:#}") };
    assert_eq!(socket["recv_q"], 30_000);
    assert_eq!(socket["recv_q_unit"], "payload");
    assert_eq!(socket["unread"], 30_000);
    assert_eq!(socket["local"]["port"], unread.port());
    assert_eq!(socket["peer"]["port"], unread.writer.local_addr().unwrap().port());
    assert_eq!(socket["local"]["addr"], "127.0.0.1");
    assert_eq!(socket["charged"], socket["skmem"]["rmem_alloc"]);
    let fd = |stream: &std::net::TcpStream| std::os::fd::AsRawFd::as_raw_fd(stream);
    let holder =
        |fd: i32| serde_json::json!([{"pid": std::process::id(), "fd": fd, "via": "fd", "tid": null}]);
    assert_eq!(socket["holders"], holder(fd(&unread.reader)));
    assert_eq!(socket["peer_holders"], holder(fd(&unread.writer)));
    assert_eq!(report["totals"]["unread"], 30_000);
    assert_eq!(report["totals"]["sockets"], 1);

    let ss = Command::new("ss").args(["-Htnme", &format!("sport = :{}", unread.port())]).output();
    let Ok(ss) = ss else {
        assert!(!rustix::process::geteuid().is_root(), "ss is missing: as root no test may skip (iproute2)");
        eprintln!("skipped: NoIproute2: ss is not installed");
        return;
    };
    let line = String::from_utf8(ss.stdout).unwrap();
    let after = |mark: &str| {
        let (_, rest) = line.split_once(mark).unwrap_or_else(|| panic!("{mark} in {line}"));
        rest.split([' ', ')', '\n']).next().unwrap().to_owned()
    };
    assert_eq!(socket["cookie"], after(" sk:"));
    assert_eq!(socket["inode"].to_string(), after(" ino:"));
    let skmem = after("skmem:(");
    let of_ss = |number: &str| number.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().unwrap();
    let of_ss: Vec<u64> = skmem.split(',').map(of_ss).collect();
    let names = "rmem_alloc rcvbuf wmem_alloc sndbuf fwd_alloc wmem_queued optmem backlog drops";
    let ours: Vec<u64> =
        names.split_whitespace().map(|name| socket["skmem"][name].as_u64().unwrap()).collect();
    assert_eq!(ours, of_ss, "{line}");
}

#[test]
fn a_listener_counts_connections() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::net::TcpStream::connect(address).unwrap();
    let report = json(&format!("-t --all --pid {} --port {}", std::process::id(), address.port()));
    let sockets = report["sockets"].as_array().unwrap();
    let listening = sockets.iter().find(|socket| socket["state"] == "listen").unwrap();
    assert_eq!((&listening["recv_q"], &listening["recv_q_unit"]), (&1.into(), &"connections".into()));
    assert_eq!(listening["send_q_unit"], "backlog_limit");
    let waiting = sockets.iter().find(|socket| socket["awaiting_accept"] == true).unwrap();
    assert_eq!(waiting["inode"], Value::Null);
    let mut at_listener = listening["holders"].clone();
    at_listener[0]["via"] = "accept_queue".into();
    assert_eq!(waiting["holders"], at_listener);
    drop(client);
}

/// Whatever an option is called, and whatever table a value comes from.
#[test]
fn names_are_spelled_alike() {
    const NAMES: &str = "family protocol state recv_q_unit send_q_unit charged_certainty worst_basis not_measured \
                         exact_agreement queue kind holding via what engine descriptors_engine worst_cap";
    fn check(value: &Value, checked: &mut usize) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| check(value, checked)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    assert!(is_snake_case(key), "{key}");
                    if let Some(name) =
                        value.as_str().filter(|_| NAMES.split_whitespace().any(|it| it == key))
                    {
                        assert!(is_snake_case(name), "{key}: {name}");
                        *checked += 1;
                    }
                    check(value, checked);
                }
            }
            _ => {}
        }
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let _waiting = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut checked = 0;
    check(&json(&format!("--all --pid {}", std::process::id())), &mut checked);
    assert!(checked > 20, "{checked}");
}

fn is_snake_case(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[test]
fn a_line_is_a_socket_with_its_processes() {
    let unread = Unread::make(77);
    let filter = format!("-t --all --pid {} --port {}", std::process::id(), unread.port());
    let ran = run(&mut skcheck(&format!("{filter} --format jsonl")));
    assert_eq!(ran.code, Some(0));
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["unread"], 77, "the heaviest is first");
    for line in &lines {
        assert_eq!(line["schema"], "skcheck.scan/1");
        assert_eq!(line["processes"][0]["pid"], std::process::id());
    }
    let gaps = json(&filter)["gaps"].as_array().unwrap().len();
    assert_eq!(ran.err.matches("Not seen: ").count(), gaps, "gaps are said on standard error: {}", ran.err);
}

#[test]
fn the_time_is_now_in_utc() {
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let before = now();
    let report = json("-u --port 1");
    let after = now();
    let taken = report["taken_at"].as_str().unwrap();
    let seconds = Command::new("date").args(["-u", "-d", taken, "+%s"]).output().unwrap();
    let seconds: u64 = String::from_utf8(seconds.stdout).unwrap().trim().parse().unwrap();
    assert!((before..=after).contains(&seconds), "{taken}: {before} to {after}");
}
