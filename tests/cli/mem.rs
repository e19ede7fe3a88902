//! Where the memory is: the picture, the document, the exit code.

use serde_json::Value;

use crate::privileges::as_nobody;
use crate::run::{json, on_terminal, run, skcheck};

fn numbers(document: &Value, list: &str) -> i128 {
    let parts = document[list].as_array().unwrap().iter();
    parts.map(|part| i128::from(part["bytes"].as_u64().unwrap())).sum()
}

fn signed(value: &Value) -> i128 {
    value.as_i64().unwrap().into()
}

#[test]
fn the_document_adds_up() {
    let memory = json("mem --engine proc");
    assert_eq!(memory["schema"], "skcheck.mem/1");
    let total = signed(&memory["total"]);
    let parts = numbers(&memory, "parts");
    assert_eq!(total, parts + signed(&memory["lru_ownerless"]) + signed(&memory["unaccounted"]));
    let positive = |field: &str| signed(&memory[field]).max(0);
    assert_eq!(signed(&memory["nobody"]), positive("unaccounted") + positive("lru_ownerless"));
    let free = memory["parts"].as_array().unwrap().iter().filter(|part| part["group"] == "free");
    let free: u64 = free.map(|part| part["bytes"].as_u64().unwrap()).sum();
    assert_eq!(memory["free"], free);
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let in_kib = meminfo.lines().next().unwrap().split_whitespace().nth(1).unwrap();
    assert_eq!(total, in_kib.parse::<i128>().unwrap() * 1024);
}

#[test]
fn every_documented_field_is_always_there() {
    let memory = json("mem --engine proc");
    let has = |value: &Value, fields: &str| {
        let object = value.as_object().unwrap();
        for field in fields.split_whitespace() {
            assert!(object.contains_key(field), "{field} in {object:?}");
        }
    };
    has(
        &memory,
        "schema taken_at total free unaccounted lru_ownerless nobody parts included reserved reserved_detail \
         network census cgroup sockets verdict gaps",
    );
    has(
        &memory["network"],
        "tcp_mem udp_mem under_pressure tcp_allocated tcp_orphans tcp_time_wait skb_objects skb_bound",
    );
    has(
        &memory["sockets"],
        "unread charged worst worst_of_all pinned pinned_ownerless walked_all hidden rings",
    );
    has(
        &memory["verdict"],
        "code text reason reason_bytes missing limit out_of_proportion chunks threads_kept_bytes large_kmalloc room suspects",
    );
    assert!(memory["cgroup"].is_null() && memory["census"].is_null());
    assert_eq!(memory["verdict"]["missing"], memory["nobody"]);
    let codes = ["none", "explains", "could", "partly", "cannot", "unseen"];
    assert!(codes.contains(&memory["verdict"]["code"].as_str().unwrap()));
}

#[test]
fn the_screen_says_what_the_document_says() {
    let screen = run(&mut skcheck("mem --engine proc")).out;
    let first = screen.lines().next().unwrap();
    assert!(first.starts_with("Memory ") && first.ends_with('.'), "{first}");
    for row in ["  memory  ", " applications  ", " page cache  ", " kernel  ", " nobody  ", " free  "] {
        assert_eq!(screen.lines().filter(|line| line.contains(row)).count(), 1, "{row} in {screen}");
    }
    assert!(screen.contains("\nNext: "), "{screen}");
    let text = json("mem --engine proc")["verdict"]["text"].as_str().unwrap().to_owned();
    // Numbers change between the two.
    let words = |text: &str| text.chars().filter(char::is_ascii_lowercase).collect::<String>();
    let first = words(text.split(": ").next().unwrap());
    assert!(words(&screen).contains(&first), "{text} in {screen}");
}

#[test]
fn exit_codes_follow_what_belongs_to_nobody() {
    let code = |arguments: &str| {
        let ran = run(&mut skcheck(&format!("mem --engine proc --format json {arguments}")));
        let memory: Value = serde_json::from_str(&ran.out).unwrap();
        (ran.code, memory["nobody"].as_u64().unwrap())
    };
    let (ended, nobody) = code("--exit-code --max-unaccounted 0");
    assert_eq!(ended, Some(i32::from(nobody > 0)));
    assert_eq!(code("--exit-code --max-unaccounted 100%").0, Some(0));
    assert_eq!(code("--max-unaccounted 0").0, Some(0), "implies nothing by itself");
    let usual = run(&mut skcheck("mem --engine proc --format json --exit-code"));
    let memory: Value = serde_json::from_str(&usual.out).unwrap();
    let out_of_proportion = memory["verdict"]["out_of_proportion"].as_bool().unwrap();
    assert_eq!(usual.code, Some(i32::from(out_of_proportion)));
}

#[test]
fn ascii_is_enough() {
    for command in
        [&mut skcheck("mem --engine proc --ascii"), skcheck("mem --engine proc").env("LC_ALL", "C")]
    {
        let screen = run(command).out;
        assert!(screen.is_ascii() && screen.contains("##"), "{screen}");
    }
    assert!(!run(&mut skcheck("mem --engine proc")).out.is_ascii());
}

#[test]
fn fits_the_terminal() {
    for width in [80, 100, 140, 200] {
        let mut command = skcheck("mem --engine proc");
        let shown = on_terminal(command.env("NO_COLOR", "1"), width);
        let sentences = shown.lines().take_while(|line| !line.starts_with("Next: "));
        let widest = sentences.map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(width), "{widest} > {width}:\n{shown}");
    }
}

#[test]
fn colour_is_for_terminals_and_only_where_it_is_wanted() {
    let shown = |arguments: &str, variable: (&str, &str)| {
        let mut command = skcheck(arguments);
        command.env("TERM", "xterm").env_remove("NO_COLOR").env(variable.0, variable.1);
        on_terminal(&mut command, 100)
    };
    assert!(shown("mem --engine proc", ("TERM", "xterm")).contains("\x1b["));
    assert!(!shown("mem --engine proc", ("NO_COLOR", "1")).contains('\x1b'));
    assert!(!shown("mem --engine proc", ("TERM", "dumb")).contains('\x1b'));
    let piped = run(skcheck("mem --engine proc").env("TERM", "xterm").env_remove("NO_COLOR"));
    assert!(!piped.out.contains('\x1b') && piped.err.is_empty(), "{piped:?}");
}

#[test]
fn anybody_gets_the_ledger_with_its_gaps() {
    let (_dir, mut nobody) = as_nobody("mem --pages --format json");
    let ran = run(&mut nobody);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let memory: Value = serde_json::from_str(&ran.out).unwrap();
    let total = signed(&memory["total"]);
    let rest = signed(&memory["lru_ownerless"]) + signed(&memory["unaccounted"]);
    assert_eq!(total, numbers(&memory, "parts") + rest);
    assert!(memory["census"].is_null() && memory["reserved"].is_null());
    let gaps = memory["gaps"].as_array().unwrap();
    assert!(gaps.iter().any(|gap| gap["remedy"].as_str().unwrap().contains("root")), "{gaps:?}");
    let (_dir, mut nobody) = as_nobody("mem --engine proc");
    let screen = run(&mut nobody).out;
    assert!(screen.contains("Not seen: ") && screen.contains("sudo skcheck mem --pages"), "{screen}");
    // How many packets are in use only root is told: nothing can be said to come from that.
    let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!words.contains("packets in use on the host could pin"), "{screen}");
    assert!(words.contains("Packets in use on the host: ?"), "{screen}");
}
