mod answers;
mod links;
mod words;

use std::time::Duration;

use skcheck_core::watch::cause::{CauseCode, End, Over, Wait};
use skcheck_core::{Gap, Holder, Missing, Payload, Place, testing};

use super::*;
use crate::output::table::watch::summary::summary;
use crate::output::words::sample::SampleNames;
use crate::report::watch::tests::{World, chain};
use crate::text::{Charset, width};

fn names(world: &World) -> SampleNames<'_> {
    SampleNames { sample: &world.now, charset: Charset::Ascii }
}

fn answer(world: &World) -> Vec<String> {
    answer::answer(&world.report(), names(world))
}

const PIPE: Page = Page { width: None, charset: Charset::Ascii };

fn page(columns: usize) -> Page {
    Page { width: Some(columns), charset: Charset::Utf8 }
}

/// A world in which every column is used, and names are long.
fn crowded() -> World {
    let mut world = chain();
    world.named(4_194_303, "fifteen-letters");
    for fd in 0..30 {
        let judged = world.stalled((4_194_303, fd), 900 << 20, CauseCode::OneshotNotRearmed, vec![]);
        (judged.drops_per_second, judged.arriving) = (Some(123_456), Some(1023 << 30));
        judged.unread_age = Some(Duration::from_secs(100_000));
    }
    world
}

#[test]
fn lines_fit_the_page() {
    let world = crowded();
    let report = world.report();
    for columns in [20, 50, 72, 80, 100, 132, 200] {
        let frame = frame(&report, None, page(columns), 50);
        let told = frame.join("\n");
        let widest = frame.iter().map(|line| width(line)).max().unwrap();
        // A word that is longer than the page is cut where it is drawn.
        assert!(widest <= columns.max(40), "{widest} > {columns}:\n{told}");
    }
    let told = frame(&report, None, page(80), 50).join("\n");
    for needed in ["PROCESS", "FD", "UNREAD", "READING", "CONSUMED/s", "AGE", "one-shot not re-armed"] {
        assert!(told.contains(needed), "{needed}:\n{told}");
    }
    let told = frame(&report, None, page(200), 50).join("\n");
    for needed in ["STATE", "PROTO", "ARRIVING/s", "DROPS/s", "UNSENT", "WRITING", "WHY", "held up by app 20"]
    {
        assert!(told.contains(needed), "{needed}:\n{told}");
    }
}

#[test]
fn a_frame_is_no_longer_than_the_terminal() {
    let world = crowded();
    let report = world.report();
    for lines in [12, 16, 24, 40, 100] {
        for columns in [80, 200] {
            let frame = frame(&report, None, page(columns), lines);
            assert!(frame.len() <= lines, "{} > {lines}:\n{}", frame.len(), frame.join("\n"));
            let rows = frame.iter().filter(|line| line.contains("4194303 ")).count();
            let more = frame.iter().find_map(|line| line.strip_suffix(" more"));
            let more = more.map(|more| more.parse::<usize>().unwrap());
            let told = frame.join("\n");
            assert!(lines == 100 || told.contains("no room") || more.unwrap() + rows >= 30, "{told}");
        }
    }
    let frame = frame(&report, Some(2), page(200), 100);
    assert!(frame.iter().any(|line| line == "31 more"), "{}", frame.join("\n"));
}

#[test]
fn a_block_ends_with_the_time_and_a_blank_line() {
    let world = chain();
    let gap = Gap::counted(Missing::Processes, Place::Host, 3, "run as root");
    let mut block = Vec::new();
    write_block(&world.report(), &[gap], None, PIPE, &mut block).unwrap();
    let block = String::from_utf8(block).unwrap();
    let lines: Vec<&str> = block.lines().collect();
    assert!(lines[0].starts_with("app (20) holds up nginx (10)"), "{block}");
    assert!(block.contains("Z, over 5 s.\nNot seen: 3 processes"), "{block}");
    assert!(block.ends_with("\n  run as root\n\n"), "{block}");
    assert!(block.is_ascii(), "{block}");
    let nginx = lines.iter().find(|line| line.starts_with("nginx 10")).unwrap();
    assert!(
        nginx.contains("stalled") && nginx.contains(">=41 s") && nginx.contains("held up by app 20: stopped")
    );
}

#[test]
fn the_summary_tells_of_the_whole_watch() {
    let world = chain();
    let mut history = History::default();
    let told = |history: &History| {
        let mut text = Vec::new();
        write_summary(history, &[], PIPE, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    };
    assert!(told(&history).starts_with("Ended before there was anything to compare"));
    history.note(&world.before, &world.now, &world.judgement);
    assert_eq!(
        told(&history),
        "Watched 5 s (1 window): 2 readers stand still in the end; nginx (10) longest, for 5 s at fd 11.\n\
         Why: app (20) is stopped, and holds up nginx (10) (2 sockets at once).\n\
         Next: skcheck packets 10 11 (what waits there)\n"
    );
}

/// Whom a process waits for may be unknown: then the summary accuses nobody, and names all.
#[test]
fn the_summary_names_those_that_may_be_behind_it() {
    let mut world = chain();
    world.named(30, "curl");
    let root = world.judgement.sockets[0].root.clone().unwrap();
    let second = testing::link(
        Holder::new(10, 19),
        Wait::EventLoop,
        Some(Payload(4096)),
        Some(Holder::new(30, 5)),
        Over::Socket(99),
    );
    let both = vec![root.links[0].clone(), second];
    world.judgement.sockets[0].root = Some(testing::root(Vec::new(), End::OneOf(both)));
    let mut history = History::default();
    history.note(&world.before, &world.now, &world.judgement);
    let told = summary(&history, PIPE.charset);
    let why = told.last().unwrap();
    assert!(
        why.contains("nginx (10)'s own writing is blocked, perhaps because of app (20) or curl (30)"),
        "{why}"
    );
    assert!(why.contains("app (20) is stopped") && !why.contains("holds up"), "{why}");
}
