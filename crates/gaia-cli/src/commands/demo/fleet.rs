//! The fleet before it begins: sessions, and tasks in the queue.

use gaia_assigner::TaskService;
use gaia_assigner::service::{AddProcess, Send};
use gaia_locks::folder::Folder;
use gaia_locks::ids::SessionId;

use super::play::{Order, Part, Play, SESSIONS};
use super::stage::Stage;
use crate::exit::Failure;

/// Adds the sessions and queues the tasks.
///
/// # Errors
/// When the database cannot be used.
pub fn queue(stage: &Stage, tasks: &TaskService, play: &mut Play) -> Result<(), Failure> {
    let program = std::env::current_exe()?;
    let command = format!(
        "{} demo-agent {} {{prompt}}",
        quoted(&program.to_string_lossy()),
        quoted(&stage.root.to_string_lossy())
    );
    for (name, provider) in SESSIONS {
        tasks.add_process(&AddProcess {
            name: SessionId::new(name)?,
            command: command.clone(),
            provider: Some(provider.to_owned()),
            folder: Some(stage.repository()),
        })?;
    }
    for at in 0..play.orders.len() {
        let task = tasks.send(&wish(stage, play, &play.orders[at])?)?;
        play.orders[at].task = task.id;
    }
    std::fs::write(Stage::play_file(&stage.root), serde_json::to_vec(play)?)?;
    Ok(())
}

fn wish(stage: &Stage, play: &Play, order: &Order) -> Result<Send, Failure> {
    let folder = stage.repository().join(&order.folder);
    let after = order.after.and_then(|at| play.orders.get(at));
    Ok(Send {
        folder: Some(Folder::resolve(&folder, &stage.root)?),
        priority: order.priority,
        provider: order.provider.clone(),
        after: after.map(|order| order.task).into_iter().collect(),
        read_only: order.part == Part::Read,
        retry: order.is_retried(),
        source: "demo".to_owned(),
        ..Send::new(order.text.clone())
    })
}

/// As a shell reads it back.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
