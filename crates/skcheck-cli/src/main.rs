//! `skcheck`: shows who sits on unread socket data, and what memory that may pin.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod config;
mod output;
mod report;
#[expect(unreachable_pub, reason = "tests and benches include this file as a module of their own")]
mod stall;
mod text;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::commands::{Failure, Outcome};
use crate::config::{
    DemoConfig, LeaksConfig, MemConfig, PacketsConfig, ScanConfig, WatchConfig, WorkerConfig, stdout_page,
};

/// Failed, or misused.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    if skcheck_bpf::stdout_was_closed() {
        let _ = writeln!(
            io::stderr(),
            "skcheck: standard output is closed: give it a file, a pipe or a terminal"
        );
        return ExitCode::from(FAILED);
    }
    commands::program::begin();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) => return refuse(&refusal),
    };
    let page = stdout_page();
    let outcome = match cli.command {
        None => commands::scan::run(&ScanConfig::new(cli.scan, page)),
        Some(Command::Leaks(args)) => commands::leaks::run(&LeaksConfig::new(args, page)),
        Some(Command::Mem(args)) => commands::mem::run(&MemConfig::new(args, page)),
        Some(Command::Packets(args)) => commands::packets::run(&PacketsConfig::new(args, page)),
        Some(Command::Watch(args)) => commands::watch::run(&WatchConfig::new(*args, page)),
        Some(Command::Demo(args)) => commands::demo::run(&DemoConfig::new(&args, page)),
        Some(Command::Worker(args)) => Ok(commands::worker::serve(&WorkerConfig::new(args))),
        Some(Command::HoldStalledReader(args)) => commands::demo::hold(args.fragments),
    };
    match outcome {
        Ok(Outcome { code }) => ExitCode::from(code),
        Err(failure) => end(Err(failure)),
    }
}

fn end(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = write!(io::stderr(), "skcheck: {failure}");
            ExitCode::from(commands::told_to_end().unwrap_or(FAILED))
        }
    }
}

/// Help and version are answers; everything else is one line that says what is allowed.
fn refuse(refusal: &clap::Error) -> ExitCode {
    if matches!(refusal.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let mut out = io::stdout();
        return end(write!(out, "{}", refusal.render()).and_then(|()| out.flush()).map_err(Failure::Output));
    }
    let rendered = refusal.render().to_string();
    let told =
        rendered.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let words: Vec<&str> = told.flat_map(str::split_whitespace).collect();
    let line = words.join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    let _ = writeln!(io::stderr(), "skcheck: {line} (skcheck --help)");
    ExitCode::from(FAILED)
}
