//! Answers that consist of many small parts.

use crate::host::worker::Answer;
use crate::host::worker::words::Words;

/// So much is collected before it is handed on.
const PART: usize = 32 * 1024;

/// Many small things, handed on some at a time.
#[derive(Debug)]
pub struct Many<'a, 'o> {
    answer: &'a mut Answer<'o>,
    collected: Vec<u8>,
    kind: Option<u8>,
}

impl<'a, 'o> Many<'a, 'o> {
    /// To be handed on in this answer.
    pub fn to(answer: &'a mut Answer<'o>) -> Many<'a, 'o> {
        Many { answer, collected: Vec::new(), kind: None }
    }

    /// The same, with a byte at the beginning of each part.
    pub fn with(answer: &'a mut Answer<'o>, kind: u8) -> Many<'a, 'o> {
        Many { answer, collected: Vec::new(), kind: Some(kind) }
    }

    /// Adds one. What is left is handed on when this is dropped.
    pub fn add(&mut self, words: &Words) {
        self.put(&[words.as_slice()]);
    }

    /// Adds bytes, with their length ([`Words::bytes`]).
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        self.put(&[&(bytes.len() as u64).to_ne_bytes(), bytes]);
    }

    fn put(&mut self, parts: &[&[u8]]) {
        if self.collected.is_empty() {
            self.collected.extend(self.kind);
        }
        parts.iter().for_each(|part| self.collected.extend_from_slice(part));
        if self.collected.len() >= PART {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.collected.is_empty() {
            self.answer.more(&std::mem::take(&mut self.collected));
        }
    }
}

impl Drop for Many<'_, '_> {
    fn drop(&mut self) {
        self.flush();
    }
}
