//! Asking a person before anything is changed.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::InitArgs;
use crate::context::Context;
use crate::exit::Failure;

/// Whether a person is shown what is to be done and asked.
pub fn is_asked(context: &Context, args: &InitArgs) -> bool {
    let somebody_looks = || io::stdin().is_terminal() && io::stderr().is_terminal();
    !args.yes && !context.out.is_json() && somebody_looks()
}

/// What the person answers.
pub fn yes_to(question: &str) -> Result<bool, Failure> {
    let mut err = io::stderr().lock();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
