//! Paths, texts and rows of something, as words of a question.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::host::worker::words::WordReader;

pub(super) fn path(words: &mut WordReader<'_>) -> Option<PathBuf> {
    words.bytes().map(|bytes| OsStr::from_bytes(bytes).into())
}

pub(super) fn text(words: &mut WordReader<'_>) -> Option<String> {
    String::from_utf8(words.bytes()?.to_vec()).ok()
}

/// As many as there are.
pub(super) fn all<'a, T>(
    words: &mut WordReader<'a>,
    one: impl Fn(&mut WordReader<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let mut all = Vec::new();
    while !words.is_at_end() {
        all.push(one(words)?);
    }
    Some(all)
}
