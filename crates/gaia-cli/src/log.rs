//! The log of those commands that work until they are told to end: on stderr,
//! as GAIA_LOG and GAIA_LOG_FORMAT say.

use std::fmt::{Debug, Write as _};

use gaia_assigner::daemon::LastError;
use gaia_locks::settings::{LogFormat, Settings};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::exit::Failure;
use crate::tell;

/// Starts it. Errors are noted for the line that says how it is, also where the
/// filter leaves them out.
pub fn start(settings: &Settings, last_error: LastError) -> Result<(), Failure> {
    let wrong = |error: String| Failure::usage(format!("GAIA_LOG cannot be used: {error}"));
    let filter = EnvFilter::try_new(without_chatter(&settings.log));
    let filter = filter.map_err(|error| wrong(error.to_string()))?;
    let lines = tracing_subscriber::fmt::layer::<Registry>()
        .with_writer(std::io::stderr)
        .with_ansi(tell::style().is_colourful())
        .with_target(false);
    let lines = match settings.log_format {
        LogFormat::Json => lines.json().boxed(),
        LogFormat::Text => lines.boxed(),
    };
    let started = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(Noting(last_error))
        .try_init();
    started.map_err(|error| wrong(error.to_string()))
}

/// The MCP SDK tells of each message at the level info, of what clients did
/// wrong at the level warn, and of each that went before its answer at the level
/// error; who wants that names it.
fn without_chatter(filter: &str) -> String {
    match filter.contains("rmcp") || filter.trim().is_empty() {
        true => filter.to_owned(),
        false => format!("{filter},rmcp=off"),
    }
}

/// Notes each error.
struct Noting(LastError);

impl<S: Subscriber> Layer<S> for Noting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // To the MCP SDK a client that has gone is an error; it is none of ours.
        let is_ours = !event.metadata().target().starts_with("rmcp");
        if is_ours && *event.metadata().level() == Level::ERROR {
            let mut text = Text::default();
            event.record(&mut text);
            self.0.note(text.said + &text.facts);
        }
    }
}

/// An event as one text: what was said, then its fields.
#[derive(Default)]
struct Text {
    said: String,
    facts: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a text cannot fail.
        let _ = match field.name() {
            "message" => write!(self.said, "{value:?}"),
            name => write!(self.facts, " {name}={value:?}"),
        };
    }
}
