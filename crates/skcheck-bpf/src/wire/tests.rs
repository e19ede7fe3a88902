pub(super) mod layout;
mod totality;
