//! Answers that consist of many small parts.

use crate::host::worker::service::AnswerWriter;
use crate::host::worker::words::Words;

/// So much is collected before it is handed on.
const PART: usize = 32 * 1024;

/// Many small things, handed on some at a time.
#[derive(Debug)]
pub struct Many<'a, 'o> {
    answer: &'a mut AnswerWriter<'o>,
    collected: Words,
    kind: Option<u8>,
}

impl<'a, 'o> Many<'a, 'o> {
    /// To be handed on in this answer.
    pub(crate) fn to(answer: &'a mut AnswerWriter<'o>) -> Many<'a, 'o> {
        Many { answer, collected: Words::default(), kind: None }
    }

    /// The same, with a byte at the beginning of each part.
    pub fn with(answer: &'a mut AnswerWriter<'o>, kind: u8) -> Many<'a, 'o> {
        Many { answer, collected: Words::default(), kind: Some(kind) }
    }

    /// Adds one. What is left is handed on when this is dropped.
    pub(crate) fn add(&mut self, add: impl FnOnce(Words) -> Words) {
        let part = self.part();
        *part = add(std::mem::take(part));
        self.flush_from(PART);
    }

    /// Adds bytes, with their length ([`Words::bytes`]).
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        self.part().push_bytes(bytes);
        self.flush_from(PART);
    }

    /// Hands on what is collected.
    pub(crate) fn hand_on(&mut self) {
        self.flush_from(1);
    }

    /// What is collected, begun with the kind.
    fn part(&mut self) -> &mut Words {
        if self.collected.is_empty()
            && let Some(kind) = self.kind
        {
            self.collected = std::mem::take(&mut self.collected).byte(kind);
        }
        &mut self.collected
    }

    /// Hands on what is collected, if it is so much.
    fn flush_from(&mut self, least: usize) {
        if self.collected.len() >= least {
            self.answer.more(self.collected.as_slice());
            self.collected.clear();
        }
    }
}

impl Drop for Many<'_, '_> {
    fn drop(&mut self) {
        self.hand_on();
    }
}
