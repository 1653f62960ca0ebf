//! A length of time as JSON has it: seconds, or as people write it (`30m`).

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A length of time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Length(pub Duration);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Seconds(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(from).map_err(|_| {
            D::Error::custom("a length of time is meant: seconds, or a duration as \"30m\"")
        })?;
        match written {
            Written::Seconds(seconds) => Duration::try_from_secs_f64(seconds)
                .map(Self)
                .map_err(|_| D::Error::custom(format!("{seconds} is no number of seconds"))),
            Written::Text(text) => gaia_locks::duration::parse(&text)
                .map(Self)
                .map_err(D::Error::custom),
        }
    }
}

/// How long to wait: not at all, without a limit (`true`), or so long.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Wait {
    /// Not at all.
    #[default]
    No,
    /// Until it is granted.
    Forever,
    /// So long.
    For(Duration),
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Whether(bool),
            Limit(Length),
        }
        let written = Option::<Written>::deserialize(from).map_err(|_| {
            D::Error::custom("`wait` is true, false, seconds, or a duration as 30s")
        })?;
        Ok(match written {
            None | Some(Written::Whether(false)) => Wait::No,
            Some(Written::Whether(true)) => Wait::Forever,
            Some(Written::Limit(Length(limit))) if limit.is_zero() => Wait::No,
            Some(Written::Limit(Length(limit))) => Wait::For(limit),
        })
    }
}
