//! Whether the server answers that one works through.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::Check;

const NAME: &str = "server";
/// A server that takes longer is no help to an agent's hook either.
const LIMIT: Duration = Duration::from_secs(3);

/// Asks it whether it lives. Over TLS only whether it can be reached.
pub fn reached(server: &str) -> Check {
    let remedy = "start it with `gaia up` there, or correct GAIA_SERVER";
    match ask(server) {
        Ok(()) => Check::ok(NAME, format!("{server} answers")),
        Err(why) => Check::problem(NAME, format!("{server} does not answer: {why}"), remedy),
    }
}

fn ask(server: &str) -> Result<(), String> {
    let (is_plain, host) = match server.strip_prefix("http://") {
        Some(host) => (true, host),
        None => (false, server.trim_start_matches("https://")),
    };
    let host = host.split('/').next().unwrap_or(host);
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let place = match (has_port, is_plain) {
        (true, _) => host.to_owned(),
        (false, true) => format!("{host}:80"),
        (false, false) => format!("{host}:443"),
    };
    let words = |error: std::io::Error| error.to_string();
    let mut addresses = place.to_socket_addrs().map_err(words)?;
    let address = addresses.next().ok_or("its name means no address")?;
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).map_err(words)?;
    if !is_plain {
        return Ok(());
    }
    stream.set_read_timeout(Some(LIMIT)).map_err(words)?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(words)?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).map_err(words)?;
    let answer = String::from_utf8_lossy(&answer);
    match answer.ends_with(" 200") {
        true => Ok(()),
        false => Err(format!("it says {answer:?}")),
    }
}
