//! What `gaia doctor` finds, on a page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gaia_assigner::doctor::{self, Check, Ground, State as Level};
use gaia_locks::clock::Wall;
use gaia_locks::settings::Settings;
use maud::{Markup, html};

use super::frame::{Page, Place};
use super::parts::{nothing, state};
use super::words::{clear, time};
use crate::accounts::Who;
use crate::app::App;
use crate::error::{Answer, Problem};

/// The findings, looked for now.
///
/// # Errors
/// When the store cannot be used.
pub async fn show(State(app): State<Arc<App>>, who: Who) -> Answer<Response> {
    let (settings, locks) = (app.settings.clone(), app.locks.clone());
    let looked = move || {
        let mut found = settings.map_or_else(Vec::new, |settings| checks(&settings));
        // What wants a look comes first.
        found.sort_by_key(|check| std::cmp::Reverse(check.state));
        Ok::<_, Problem>((found, locks.look(|tx| Ok(tx.now().wall))?))
    };
    let (found, now) = app.core.slow(looked).await?;
    let drawn = move || whole(&found, &who, now);
    app.core.draw(drawn).await
}

fn whole(found: &[Check], who: &Who, now: Wall) -> Response {
    let page = Page {
        who,
        place: Place::Health,
        title: "Health".to_owned(),
        live: "",
        now,
    };
    page.draw(html! {
        h1 { "Health" }
        p { (verdict(found)) " " span.soft { "Looked at " (time(now, now)) ", on the server's machine." } }
        @if found.is_empty() { (nothing("This server was not told how to look: gaia doctor does on its machine.")) }
        @else { (table(found)) }
    })
}

fn checks(settings: &Settings) -> Vec<Check> {
    doctor::checks(Ground {
        settings,
        here: None,
    })
}

fn verdict(found: &[Check]) -> Markup {
    match found.iter().map(|check| check.state).max() {
        None => html! {},
        Some(Level::Ok) => state("ok", "✓", "Everything is as it should be."),
        Some(Level::Warning) => state("warn", "▲", "It works, but something wants a look."),
        Some(Level::Problem) => state("bad", "✕", "Something does not work."),
    }
}

fn table(found: &[Check]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "State" } th scope="col" { "What" } th scope="col" { "Found" } } }
            tbody { @for check in found { (row(check)) } }
        }
    }
}

fn row(check: &Check) -> Markup {
    let level = match check.state {
        Level::Ok => state("ok", "✓", "fine"),
        Level::Warning => state("warn", "▲", "look"),
        Level::Problem => state("bad", "✕", "problem"),
    };
    html! {
        tr {
            td data-label="State" { (level) }
            td data-label="What" { (clear(check.name)) }
            td data-label="Found" {
                (clear(&check.finding))
                @if let Some(remedy) = &check.remedy { div.soft { "Remedy: " (clear(remedy)) } }
            }
        }
    }
}
