//! Names by which a server is reached.

use std::str::FromStr;

use axum::http::uri::Authority;

/// A name by which the server is reached: itself, or through a proxy that ends
/// TLS before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    host: String,
    /// What browsers that come through the proxy call it: scheme, name and port.
    origin: Option<String>,
}

/// A text that is no such name.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no name by which a server is reached: give NAME alone, as gaia.example.org, or https://NAME where a proxy ends TLS before it"
)]
pub struct NoName(String);

impl Name {
    /// Whether a request that names this host means this server.
    pub fn is(&self, host: &str) -> bool {
        self.host.eq_ignore_ascii_case(host)
    }

    /// What browsers call it that come through a proxy that ends TLS.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }
}

impl FromStr for Name {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        let wrong = || NoName(text.to_owned());
        let through_tls = text.strip_prefix("https://");
        let place = through_tls.map(|place| place.strip_suffix('/').unwrap_or(place));
        let authority: Authority = place.unwrap_or(text).parse().map_err(|_| wrong())?;
        let host = authority.host().to_owned();
        let is_bare = authority.as_str() == host && !host.starts_with('[');
        let names_no_user = !authority.as_str().contains('@');
        match place {
            None if is_bare => Ok(Self { host, origin: None }),
            // Browsers leave out the usual port.
            Some(place) if names_no_user && !host.is_empty() => Ok(Self {
                origin: Some(format!(
                    "https://{}",
                    place.strip_suffix(":443").unwrap_or(place)
                )),
                host,
            }),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_alone_or_with_https_before_it() {
        let origin = |text: &str| text.parse::<Name>().unwrap().origin;
        assert_eq!(origin("gaia.example.org"), None);
        for (text, called) in [
            ("https://gaia.example.org", "https://gaia.example.org"),
            ("https://gaia.example.org/", "https://gaia.example.org"),
            ("https://gaia.example.org:443", "https://gaia.example.org"),
            (
                "https://gaia.example.org:8443",
                "https://gaia.example.org:8443",
            ),
        ] {
            assert_eq!(origin(text).as_deref(), Some(called), "{text}");
            assert!(text.parse::<Name>().unwrap().is("Gaia.Example.org"));
        }
    }

    #[test]
    fn a_name_that_nobody_could_ask_by_is_refused() {
        for text in [
            "",
            "http://gaia.example.org",
            "https://",
            "https://ann@gaia.example.org",
            "https://gaia.example.org/path",
            "gaia.example.org:8420",
            "gaia.example.org/",
            "gaia example",
            "[::1]",
        ] {
            let error = text.parse::<Name>().unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
