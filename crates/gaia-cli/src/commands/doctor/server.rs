//! The server that is worked through.

use gaia_assigner::doctor::Check;
use gaia_client::Client;
use gaia_locks::Locks as _;

use crate::exit::Failure;

/// Whether it answers and lets this in, and whose paths are meant.
pub fn checks(client: &Client) -> Vec<Check> {
    const NAME: &str = "server";
    let server = client.database();
    let hello = match client.hello() {
        Ok(hello) => hello,
        Err(error) => {
            let failure = Failure::from(error);
            let remedy = failure
                .hint
                .unwrap_or_else(|| "GAIA_SERVER names where it is looked for".to_owned());
            return vec![Check::problem(NAME, failure.message, remedy)];
        }
    };
    let (version, name, role) = (&hello.version, &hello.name, &hello.role);
    let found = format!("{server} answers: gaia {version}, and knows this as {name} ({role})");
    let scope = client.scope();
    let whose = match scope == hello.scope {
        true => format!("paths here are the server's own (scope {scope})"),
        false => format!(
            "paths here are told apart from the server's (scope {scope}, there {})",
            hello.scope
        ),
    };
    vec![Check::ok(NAME, found), Check::ok("scope", whose)]
}
