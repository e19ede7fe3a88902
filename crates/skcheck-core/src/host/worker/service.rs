//! What a worker does: it answers questions.

use std::fmt;
use std::io::{self, Read, Write};

use crate::host::worker::frames;

/// What a worker hands on of its answer.
pub struct AnswerWriter<'o> {
    out: &'o mut dyn Write,
    /// Whoever asked is not there any more.
    broken: bool,
}

impl AnswerWriter<'_> {
    /// Hands on a part.
    pub fn more(&mut self, bytes: &[u8]) {
        self.broken |= frames::write_more(self.out, bytes).is_err();
    }
}

impl fmt::Debug for AnswerWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerWriter").field("broken", &self.broken).finish_non_exhaustive()
    }
}

/// What a worker does: answers the questions that come in until there are no more.
///
/// # Errors
/// When one cannot be read, or an answer not be written: whoever asked has ended.
pub fn serve(
    input: &mut dyn Read,
    out: &mut dyn Write,
    answer: &mut dyn FnMut(&[u8], &mut AnswerWriter<'_>) -> io::Result<()>,
) -> io::Result<()> {
    while let Some(question) = frames::read_question(input)? {
        let mut more = AnswerWriter { out: &mut *out, broken: false };
        let result = answer(&question, &mut more);
        if more.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        frames::write_end(out, &result)?;
    }
    Ok(())
}
