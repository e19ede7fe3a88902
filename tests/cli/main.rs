//! What a user of `skcheck` sees: run as a program, against real sockets.

mod agree;
mod arguments;
#[path = "../support/arrows.rs"]
mod arrows;
mod containers;
mod demo;
mod error_queue;
mod families;
mod full;
mod holders;
mod json;
mod layout;
mod leaks;
mod measured;
mod mem;
mod names;
mod namespaces;
mod output;
mod pipes;
mod privileges;
mod run;
mod signs;
#[path = "../../crates/skcheck-cli/src/stall.rs"]
#[expect(unreachable_pub, reason = "the program and benches include this file too")]
mod stall;
mod table;
#[path = "../support/unique.rs"]
mod unique;
mod watch;
