//! The server, on a loopback port with a real database file, asked by a client
//! that sends exactly the bytes it is told to.
#![cfg(test)]

mod answers;
mod attacks;
mod client;
mod crowd;
mod document;
mod door;
mod events;
mod forced;
mod forged;
mod http2;
mod kept;
mod locks;
mod mcp;
mod odd_pieces;
mod page_facts;
mod page_words;
mod pages;
mod proxy;
mod routes;
mod server;
mod several;
mod task_pages;
mod trail;
mod waiting;
mod widget;
