//! A refusal in words for a model: who holds what, until when, whether they
//! live, and what can be done [R17].

use gaia_locks::wire::{HolderInfo, Queued, Refusal};

use super::Said;
use crate::hook::words::{fact, who};

/// Why nothing was granted.
pub(super) fn refused(refusal: &Refusal, waited: bool) -> Said {
    if let Some(cycle) = &refusal.cycle {
        let circle = circle(cycle);
        let message = format!(
            "Not granted, waiting would never end: {circle}. {}",
            facts(refusal)
        );
        return Said::new("deadlock", message.trim_end())
            .hint("release what you hold there first, then ask again; or tell your user");
    }
    let head = match waited {
        true => "Not granted, the wait ran out:",
        false => "Not granted:",
    };
    let message = format!("{head} {}", facts(refusal));
    Said::new("held", message.trim_end()).hint(
        "work in another folder, wait for your turn with wait_for_folder, or tell your user; reading needs no lock",
    )
}

/// What one who waits is told meanwhile.
pub(super) fn waiting(queued: &Queued) -> String {
    let first = queued.refusal.conflicts.first().map(fact);
    let first = first.unwrap_or_else(|| "Next in line.".to_owned());
    format!("Waiting, place {} in line. {first}", queued.place)
}

fn facts(refusal: &Refusal) -> String {
    let told: Vec<String> = refusal.conflicts.iter().take(3).map(fact).collect();
    let more = refusal.conflicts.len().saturating_sub(3) + refusal.more;
    match more {
        0 => told.join(" "),
        more => format!("{} And {more} more.", told.join(" ")),
    }
}

fn circle(cycle: &[HolderInfo]) -> String {
    let mut names: Vec<String> = cycle
        .iter()
        .map(|holder| who(holder.session_id.as_str(), holder.task_id))
        .collect();
    names.extend(names.first().cloned());
    names.join(" waits for ")
}
