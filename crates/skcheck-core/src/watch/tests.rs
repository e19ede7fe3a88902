//! Judging, case by case, over samples that no kernel has seen. The window is a second.

mod asking;
mod causes;
mod chains;
mod conduits;
mod files;
mod holders;
mod join;
mod listeners;
mod made;
mod pairs;
mod reading;
mod slow;
mod totality;
mod unsure;
mod writing;
