//! The server, on a loopback port with a real database file, asked by a client
//! that sends exactly the bytes it is told to.
#![cfg(test)]

mod attacks;
mod client;
mod crowd;
mod document;
mod door;
mod events;
mod locks;
mod mcp;
mod pages;
mod routes;
mod server;
mod trail;
mod waiting;
mod widget;
