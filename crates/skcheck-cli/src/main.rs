//! `skcheck`: shows who sits on unread socket data, and what memory that may pin.

fn main() {}
