//! An HTTP client as small as it gets: a polite one would refuse to send half
//! of what these tests send.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    /// A cookie as it is sent back.
    pub fn cookie(&self) -> String {
        let set = self.header("set-cookie").expect("a cookie");
        set.split(';').next().unwrap().to_owned()
    }

    /// The word of a problem document.
    pub fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        problem["code"].as_str().unwrap().to_owned()
    }
}

/// A request that is put together.
#[derive(Clone)]
pub struct Ask {
    address: SocketAddr,
    method: String,
    path: Vec<u8>,
    headers: Vec<String>,
    host: Option<String>,
    body: Vec<u8>,
    length: Option<usize>,
}

impl Ask {
    pub fn new(address: SocketAddr, method: &str, path: impl AsRef<[u8]>) -> Self {
        Self {
            address,
            method: method.to_owned(),
            path: path.as_ref().to_vec(),
            headers: Vec::new(),
            host: Some(address.to_string()),
            body: Vec::new(),
            length: None,
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(format!("{name}: {value}"));
        self
    }

    pub fn host(mut self, host: Option<&str>) -> Self {
        self.host = host.map(str::to_owned);
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub fn cookie(self, cookie: &str) -> Self {
        self.header("Cookie", cookie)
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().as_bytes())
    }

    pub fn body(mut self, kind: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Type", kind)
    }

    /// Says that the body will be so long.
    pub fn lying(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("{} ", self.method).into_bytes();
        head.extend_from_slice(&self.path);
        head.extend_from_slice(b" HTTP/1.1\r\nConnection: close\r\n");
        if let Some(host) = &self.host {
            head.extend_from_slice(format!("Host: {host}\r\n").as_bytes());
        }
        for header in &self.headers {
            head.extend_from_slice(format!("{header}\r\n").as_bytes());
        }
        let length = self.length.unwrap_or(self.body.len());
        head.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
        head
    }

    /// Sends it and leaves the connection open.
    pub fn begin(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(50)))
            .unwrap();
        stream.write_all(&self.head()).unwrap();
        // A server that has heard enough hangs up before the end.
        let _ = stream.write_all(&self.body);
        stream
    }

    /// Sends it and reads the whole answer.
    pub fn send(&self) -> Reply {
        read(&mut self.begin())
    }
}

/// The whole answer, to the end of the connection.
pub fn read(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A connection that is reset after an answer has brought the answer.
    let ended = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        panic!("no answer but {text:?} ({ended:?})");
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply {
        status,
        head: head.to_owned(),
        body: dechunked(head, body),
    }
}

fn dechunked(head: &str, body: &str) -> String {
    if !head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        return body.to_owned();
    }
    let (mut rest, mut whole) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        whole.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    whole
}
