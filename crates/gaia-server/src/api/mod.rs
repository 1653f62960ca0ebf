//! The API: one file for each resource. A handler reads what was sent, calls
//! the core, gives its answer; it decides nothing.

pub mod accounts;
pub mod admin;
pub mod bounds;
pub mod csv;
pub mod docs;
pub mod document;
pub mod door;
pub mod events;
pub mod extract;
pub mod folders;
pub mod for_another;
pub mod health;
pub mod history;
pub mod length;
pub mod locks;
pub mod log;
pub mod noted;
pub mod paging;
pub mod place;
pub mod refusals;
pub mod release;
pub mod session;
pub mod sessions;
pub mod several;
pub mod shapes;
pub mod status;
pub mod task_page;
pub mod tasks;
pub mod wait;
pub mod why;
