//! Whose file system this is.

use gaia_locks::Error;
use gaia_locks::ids::Scope;
use gaia_locks::os::machine;
use gaia_locks::wire::door::{Files, Hello};

/// The scope of this machine's paths as that server's locks know it.
pub fn scope(hello: &Hello) -> Result<Scope, Error> {
    let here = Files::seen_here();
    if here.is_some() && here == hello.files {
        return Ok(hello.scope.clone());
    }
    machine::scope().ok_or_else(|| {
        Error::InvalidRequest(
            "this machine has no id by which its paths are told from those of others; \
             name its scope with GAIA_SCOPE"
                .to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn hello(files: Option<Files>) -> Hello {
        Hello {
            protocol: 1,
            version: String::new(),
            scope: Scope::local(),
            ttl: Duration::from_secs(1),
            files,
            name: "ann".into(),
            role: "agent".into(),
        }
    }

    #[test]
    fn r12_paths_are_the_servers_only_where_it_sees_the_same_files() {
        assert_eq!(
            scope(&hello(Files::seen_here())).unwrap(),
            Scope::local(),
            "the same machine, the same root"
        );
        for other in [
            r#"{"boot":"another","device":1,"inode":2}"#,
            r#"{"boot":"","device":1,"inode":2}"#,
        ] {
            let other = serde_json::from_str(other).unwrap();
            assert_eq!(scope(&hello(Some(other))).ok(), machine::scope());
        }
        assert_eq!(scope(&hello(None)).ok(), machine::scope());
    }
}
