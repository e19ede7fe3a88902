//! What a user of `skcheck` sees: run as a program, against real sockets.

mod arguments;
mod containers;
mod demo;
mod json;
mod names;
mod namespaces;
mod output;
mod privileges;
mod run;
mod table;
