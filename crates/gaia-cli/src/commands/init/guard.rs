//! The planner of the guard before commits.

use gaia_agent::guard::Planned;

use super::Ground;
use super::plan::Plan;
use crate::commands::guard::check_command;
use crate::exit::Failure;

/// The guard's hook in each repository, an older one kept beside it.
pub fn plan(ground: &Ground<'_>, plan: &mut Plan) -> Result<(), Failure> {
    if !ground.args.guard {
        return Ok(());
    }
    let check = check_command(ground.context)?;
    for repo in ground.repos {
        plan.for_repo(&repo.top);
        let Some(hooks) = gaia_agent::guard::planned(&repo.top, &check)? else {
            let top = repo.top.display();
            plan.note(format!(
                "git looks for the hooks of {top} elsewhere (core.hooksPath): `gaia guard install {top}` guards it"
            ));
            continue;
        };
        for hook in &hooks {
            write(plan, hook)?;
        }
    }
    Ok(())
}

fn write(plan: &mut Plan, hook: &Planned) -> Result<(), Failure> {
    // Another work tree of the same repository has the same hooks.
    if plan.is_planned(&hook.hook) {
        return Ok(());
    }
    if let Some(kept) = &hook.kept {
        let why = "the hook that was there; it runs after the guard";
        plan.move_aside(&hook.hook, kept, why)?;
    }
    let why = "refuses commits to what others hold";
    plan.write_with_mode(&hook.hook, &hook.text, 0o755, why)
}
