//! Processes whose command line never ends, or does not come at all.

use super::{about_to, forever, holds, innocent, open, unread};
use crate::fuse::NEVER_READ;
use crate::memory;
use crate::role::call;

/// 64 GiB, and every byte of it can be read.
pub(super) fn endless() {
    call("sk-endless");
    let (_writer, reader) = unread(7000);
    memory::command_line_is(memory::untouched(64 << 30));
    holds("holds", &reader, 7000);
    innocent("");
    forever()
}

/// It lies in a file that nobody can read.
pub(super) fn silent() {
    call("sk-silent");
    let (_writer, reader) = unread(7000);
    memory::command_line_is(memory::of_file(&open(NEVER_READ), 4096));
    holds("holds", &reader, 7000);
    about_to("");
    forever()
}
