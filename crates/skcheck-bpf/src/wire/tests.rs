mod layout;
mod totality;
