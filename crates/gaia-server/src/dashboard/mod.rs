//! The dashboard: what people look at.
//!
//! # How it works
//! Every page is drawn here, on the server, and says everything by itself: it
//! can be read and its forms can be sent without a script. One small script of
//! our own then keeps it true: it follows `/api/gaia/events`, fetches the page
//! it is on once more when something changed, and swaps in what differs, so
//! that focus, selection and scrolling stay.
//!
//! # Who may
//! Pages are routes like others (see [`crate::router`]), and forms end in the
//! same functions as the API's calls. A button that somebody may not press is
//! not drawn, but that is a courtesy: the route refuses.
//!
//! # What people typed
//! Paths, names and texts come from strangers. maud escapes all that is put
//! into a page; [`words`] makes visible what could hide or turn letters around.
//!
//! # What is not here
//! No inline script or style (the policy of [`crate::guard`] forbids them), no
//! file of somebody else, no request to another host.

pub mod account;
pub mod assets;
mod fields;
pub mod folders;
mod frame;
pub mod health;
pub mod history;
pub mod lock;
pub mod overview;
pub mod packed;
mod parts;
pub mod sessions;
pub mod sign_in;
pub mod task;
pub mod tasks;
pub mod timeline;
pub mod told;
mod words;
