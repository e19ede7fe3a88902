//! Judging, case by case, over samples that no kernel has seen. The window is a second.

pub(crate) mod asking;
pub(crate) mod causes;
pub(crate) mod chains;
pub(crate) mod conduits;
pub(crate) mod files;
pub(crate) mod holders;
pub(crate) mod join;
pub(crate) mod listeners;
pub(crate) mod made;
pub(crate) mod pairs;
pub(crate) mod reading;
pub(crate) mod slow;
pub(crate) mod totality;
pub(crate) mod unsure;
pub(crate) mod writing;
