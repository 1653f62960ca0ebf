//! The planner of the home: the folders, and an example of its `.env`.

use gaia_locks::settings::dot_env_example;

use super::Ground;
use super::plan::Plan;
use crate::exit::Failure;

/// The home, the locks directory and `.env.example`.
pub fn plan(ground: &Ground<'_>, plan: &mut Plan) -> Result<(), Failure> {
    let settings = ground.context.settings()?;
    plan.private_folder(&settings.home, "state, logs, configuration")?;
    plan.private_folder(&settings.locks_dir, "the locks directory")?;
    let example = settings.home.join(".env.example");
    let text = dot_env_example();
    let is_ours = |there: &String| there.starts_with(first_line(&text));
    match plan.text(&example)? {
        Some(there) if !is_ours(&there) => {
            let path = example.display();
            plan.note(format!("{path} is somebody else's, and is left as it is"));
            Ok(())
        }
        _ => plan.write(&example, &text, "all settings, to be copied to .env"),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
