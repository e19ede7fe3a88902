//! What a user of `skcheck` sees: run as a program, against real sockets.

mod arguments;
mod demo;
mod json;
mod names;
mod output;
mod privileges;
mod run;
mod table;
