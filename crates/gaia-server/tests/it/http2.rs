//! What browsers speak over TLS: HTTP/2, as few bytes of it as a question needs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use gaia_server::Role;

use crate::server::Server;

/// A header's value, not compressed: shorter than 127 bytes.
fn text(value: &str) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap();
    assert!(length < 127);
    [&[length], value.as_bytes()].concat()
}

fn frame(kind: u8, flags: u8, stream: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags, 0, 0, 0, stream]].concat();
    [&head, content].concat()
}

/// The first byte of the answer's header: `0x88` is the status 200, anything
/// else another one.
fn get(server: &Server, host: &str, path: &str, token: &str) -> u8 {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    let headers = [
        // GET, http; then by number of their names: path, authority, authorization.
        vec![0x82, 0x86, 0x04],
        text(path),
        vec![0x01],
        text(host),
        vec![0x0f, 0x08],
        text(&format!("Bearer {token}")),
    ];
    let ask = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 5, 1, &headers.concat()),
    ];
    stream.write_all(&ask.concat()).unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let length = usize::from_be_bytes([0, 0, 0, 0, 0, head[0], head[1], head[2]]);
        let mut content = vec![0; length];
        stream.read_exact(&mut content).unwrap();
        if head[3] == 1 {
            // Before the first header there may be a word on the size of a table.
            let is_header = |byte: &&u8| **byte & 0xe0 != 0x20;
            return *content.iter().find(is_header).unwrap();
        }
    }
}

#[test]
fn a_folder_is_asked_for_over_http_2_as_everything_else_and_names_are_checked() {
    const DONE: u8 = 0x88;
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    let own = server.address.to_string();
    for path in [
        "/api/gaia/locks",
        "/api/gaia/locks/tmp/x",
        "/api/gaia/locks/%2Ftmp",
    ] {
        assert_eq!(get(&server, &own, path, &token), DONE, "{path}");
        assert_ne!(get(&server, "evil.example", path, &token), DONE, "{path}");
    }
}

/// A name in the question's first line counts before the Host header, for each
/// route.
#[test]
fn a_foreign_name_in_the_first_line_is_not_answered() {
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    for path in ["/api/gaia/locks", "/api/gaia/locks/tmp"] {
        let ask = |host: &str| server.get(&format!("http://{host}{path}"), &token).status;
        assert_eq!(ask("evil.example"), 421, "{path}");
        assert_eq!(ask(&server.address.to_string()), 200, "{path}");
    }
}
