//! Rooms one below the other: a file names those before its own, and its own.

use std::collections::BTreeMap;

use crate::support::arrows::{self, circle, is_in, named};

/// The rooms, in order.
pub(crate) struct Layers<'a>(pub(crate) &'a [&'a str]);

/// A crate's sources, by the paths of their modules.
type Sources = BTreeMap<String, String>;

impl Layers<'_> {
    /// The room of a file, by its place.
    fn room_of(&self, file: &str) -> Option<usize> {
        self.0.iter().position(|room| is_in(file, room))
    }

    /// What a file names and may not.
    pub(crate) fn offences(&self, file: &str, source: &str) -> Vec<String> {
        let Some(own) = self.room_of(file) else { return Vec::new() };
        let is_allowed = |path: &str| self.room_of(path).is_some_and(|room| room <= own);
        arrows::offences(file, &named(source), is_allowed)
    }

    /// Each file but doors is in a room, there is something in each room, and nobody names what he may not.
    #[track_caller]
    pub(crate) fn assert_kept(&self, sources: &Sources, is_door: impl Fn(&str) -> bool) {
        let has_no_room = |file: &&String| self.room_of(file).is_none() && !is_door(file);
        let without_room: Vec<&String> = sources.keys().filter(has_no_room).collect();
        assert!(without_room.is_empty(), "{without_room:?}");
        let is_empty = |room: &&&str| !sources.keys().any(|file| is_in(file, room));
        assert_eq!(self.0.iter().find(is_empty), None);
        let offences: Vec<String> =
            sources.iter().flat_map(|(file, source)| self.offences(file, source)).collect();
        assert!(offences.is_empty(), "{offences:#?}");
    }
}

/// No files name each other in a circle; `lib` only says what there is.
#[track_caller]
pub(crate) fn assert_no_circle(sources: &Sources) {
    let files = sources.iter().filter(|(file, _)| *file != "lib");
    let arrows = arrows::arrows(files.map(|(file, source)| (file.as_str(), named(source))));
    assert_eq!(circle(&arrows), None);
}
