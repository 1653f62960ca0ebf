//! What all pages share: head, navigation, the banner of a lost connection.

use axum::response::{Html, IntoResponse as _, Response};
use gaia_locks::clock::Wall;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets::address;
use super::words::{millis, name};
use crate::accounts::{By, Who};

/// The pages of the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Overview,
    Folders,
    Timeline,
    History,
    Tasks,
    Sessions,
    Health,
    Account,
}

impl Place {
    const ALL: [Self; 8] = [
        Self::Overview,
        Self::Folders,
        Self::Timeline,
        Self::History,
        Self::Tasks,
        Self::Sessions,
        Self::Health,
        Self::Account,
    ];

    fn address(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Folders => "/folders",
            Self::Timeline => "/timeline",
            Self::History => "/history",
            Self::Tasks => "/tasks",
            Self::Sessions => "/sessions",
            Self::Health => "/health",
            Self::Account => "/account",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Folders => "Folders",
            Self::Timeline => "Timeline",
            Self::History => "History",
            Self::Tasks => "Tasks",
            Self::Sessions => "Sessions",
            Self::Health => "Health",
            Self::Account => "Account",
        }
    }
}

/// A page about to be drawn.
pub struct Page<'a> {
    /// Who looks at it.
    pub who: &'a Who,
    /// Where it stands in the navigation.
    pub place: Place,
    /// The tab's words.
    pub title: String,
    /// Which events make it old: `lock waiter task session pause`. None: it stands.
    pub live: &'static str,
    /// When it was drawn.
    pub now: Wall,
}

impl Page<'_> {
    /// The page.
    pub fn draw(&self, main: Markup) -> Response {
        let body = html! {
            a.skip href="#main" { "Skip to the content" }
            (self.banner())
            div.frame {
                (self.navigation())
                main #main tabindex="-1" data-live=(self.live) data-now=(millis(self.now)) { (main) }
            }
            dialog #question aria-label="Question" {}
            p.unseen #said role="status" {}
        };
        Html(document(&self.title, body).into_string()).into_response()
    }

    fn banner(&self) -> Markup {
        html! {
            p.banner #banner role="status" {
                span.quiet { "The connection to the server dropped. What you see may be old; trying again …" }
                span.out { "You are signed out. What you wrote is still here: " a href="/sign-in" target="_blank" { "sign in in another tab" } ", then go on." }
            }
        }
    }

    fn navigation(&self) -> Markup {
        html! {
            header.side {
                a.brand href="/" { (logo()) "GAIA" }
                nav aria-label="Pages" {
                    ul {
                        @for place in Place::ALL {
                            li { a href=(place.address()) aria-current=[(place == self.place).then_some("page")] { (place.word()) } }
                        }
                    }
                }
                div.who {
                    @if !self.live.is_empty() { p.link #connection { span.mark aria-hidden="true" {} span.word { "Reload to update" } } }
                    p { (name(&self.who.name)) " " span.role { (self.who.role) } }
                    form method="post" action="/sign-out" { (csrf(self.who)) button.plain { "Sign out" } }
                    p.zone { "Times are in " span data-zone { "UTC" } }
                }
            }
        }
    }
}

/// The field that shows that a form is ours.
pub fn csrf(who: &Who) -> Markup {
    html! {
        @if let By::Cookie { csrf, .. } = &who.by { input type="hidden" name="csrf" value=(csrf); }
    }
}

/// The lock of the icon, in the colour of the words.
pub fn logo() -> Markup {
    PreEscaped(
        r#"<svg class="logo" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true"><path d="M6 9V6.5a4 4 0 0 1 8 0V9" fill="none" stroke="currentColor" stroke-width="1.8"/><rect x="3.5" y="8.8" width="13" height="8.7" rx="2" fill="currentColor"/></svg>"#
            .to_owned(),
    )
}

/// A page without navigation: for whoever is not signed in.
pub fn bare(title: &str, main: Markup) -> Markup {
    let body = html! {
        main.bare #main { p.brand { (logo()) "GAIA" } (main) }
    };
    document(title, body)
}

fn document(title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · GAIA" }
                link rel="icon" href=(address("icon.svg"));
                link rel="stylesheet" href=(address("gaia.css"));
                script type="module" src=(address("gaia.js")) {}
            }
            body { (body) }
        }
    }
}
