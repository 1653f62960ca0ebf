//! Sessions and the patterns that find more of them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gaia_assigner::wire::{PatternInfo, SessionList};
use gaia_locks::clock::Wall;
use maud::{Markup, html};

use super::frame::{Page, Place};
use super::parts::{self, badge, nothing};
use super::words::{clear, name};
use crate::accounts::Who;
use crate::app::App;
use crate::error::{Answer, Problem};

/// All sessions.
///
/// # Errors
/// When the store cannot be used.
pub async fn show(State(app): State<Arc<App>>, who: Who) -> Answer<Response> {
    let (tasks, locks) = (app.tasks.clone(), app.locks.clone());
    let look = move || Ok::<_, Problem>((tasks.sessions()?, locks.look(|tx| Ok(tx.now().wall))?));
    let (list, now) = app.core.call(look).await?;
    let drawn = move || whole(&list, &who, now);
    app.core.draw(drawn).await
}

fn whole(list: &SessionList, who: &Who, now: Wall) -> Response {
    let page = Page {
        who,
        place: Place::Sessions,
        title: "Sessions".to_owned(),
        live: "session",
        now,
    };
    page.draw(html! {
        h1 { "Sessions " (badge(list.count)) }
        section #sessions {
            @if list.sessions.is_empty() {
                (nothing("No sessions yet. On the machine of the fleet: gaia session add NAME --process \"COMMAND {prompt}\""))
            } @else { (parts::sessions(&list.sessions, now)) }
        }
        @if !list.patterns.is_empty() { (patterns(&list.patterns)) }
    })
}

fn patterns(patterns: &[PatternInfo]) -> Markup {
    html! {
        section #patterns {
            h2 { "Patterns " (badge(patterns.len())) }
            p.soft { "A pattern stands for the panes of all tmux sessions whose names fit." }
            table {
                thead { tr { th scope="col" { "Name" } th scope="col" { "tmux sessions" } th scope="col" { "Provider" } th scope="col" { "Server" } } }
                tbody {
                    @for pattern in patterns {
                        tr {
                            td data-label="Name" { (name(&pattern.name)) }
                            td data-label="tmux sessions" { code { (clear(&pattern.target)) } }
                            td data-label="Provider" { (clear(pattern.provider.as_deref().unwrap_or("–"))) }
                            td data-label="Server" { code { (clear(&pattern.server)) } }
                        }
                    }
                }
            }
        }
    }
}
