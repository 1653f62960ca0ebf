//! Redis on loopback, used as people lock with it: SET NX with a lifetime, and
//! a script that deletes the key only while it is one's own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use super::Trouble;
use super::program::Server;
use super::race::{Missing, Subject};

/// The goal's baseline.
pub(super) const REDIS: &str = "Redis SET NX + release";

const RELEASE: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

/// A server of one's own that keeps nothing, and a connection to it.
struct Redis {
    stream: BufReader<TcpStream>,
    _server: Server,
}

pub(super) fn subject(folder: &Path) -> Result<Subject<'static>, Missing> {
    let missing =
        |why: Trouble| Missing::new(REDIS, format!("redis-server: {why} (Debian: redis-server)"));
    let mut redis = Redis::start(folder).map_err(missing)?;
    let script = redis.ask(&["SCRIPT", "LOAD", RELEASE]).map_err(missing)?;
    Ok(Subject::repeated(REDIS, move || {
        redis.expect("+OK", &["SET", "lock", "token", "NX", "PX", "7200000"])?;
        redis.expect(":1", &["EVALSHA", &script, "1", "lock", "token"])
    }))
}

impl Redis {
    fn start(folder: &Path) -> Result<Self, Trouble> {
        let port = free_port()?;
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--daemonize", "no", "--logfile", "", "--port"])
            .arg(port.to_string())
            .arg("--dir")
            .arg(folder);
        let mut server = Server::start(&mut command)?;
        server.hear_of("eady to accept connections")?;
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            _server: server,
        })
    }

    fn expect(&mut self, wanted: &str, words: &[&str]) -> Result<(), Trouble> {
        let answer = self.ask(words)?;
        if answer == wanted {
            return Ok(());
        }
        Err(format!("Redis answered {answer} to {words:?}").into())
    }

    /// Sends a command in one write; gives the answer, of text only the text.
    fn ask(&mut self, words: &[&str]) -> Result<String, Trouble> {
        let mut message = format!("*{}\r\n", words.len());
        for word in words {
            message.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(message.as_bytes())?;
        let line = self.line()?;
        let Some(length) = line.strip_prefix('$') else {
            return Ok(line);
        };
        let mut text = vec![0; length.parse::<usize>()? + 2];
        self.stream.read_exact(&mut text)?;
        Ok(String::from_utf8(text)?.trim_end().to_owned())
    }

    fn line(&mut self) -> Result<String, Trouble> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err("Redis closed the connection".into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// A port that nobody listens on now.
fn free_port() -> Result<u16, Trouble> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
