//! A command is read within limits: whoever writes one that nests a thousand
//! times shall neither hang nor crash the hook, since some clients go on
//! without a hook that fails.

use std::sync::mpsc;
use std::time::Duration;

const LONGEST: usize = 64 * 1024;
const DEEPEST: usize = 40;
const MOST_WORDS_THAT_NEST: usize = 200;
const STACK: usize = 64 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a command is not read at all.
pub(super) fn too_much(command: &str) -> Option<&'static str> {
    if command.len() > LONGEST {
        Some("a very long command")
    } else if deepest(command) > DEEPEST || words_that_nest(command) > MOST_WORDS_THAT_NEST {
        Some("a deeply nested command")
    } else if command.contains('\0') {
        Some("a command with a NUL character")
    } else {
        None
    }
}

/// Brackets that are open at once; those in quotes count too, which is no harm.
fn deepest(command: &str) -> usize {
    let mut open = 0_usize;
    let mut most = 0;
    for letter in command.chars() {
        match letter {
            '(' | '{' | '[' => open += 1,
            ')' | '}' | ']' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn words_that_nest(command: &str) -> usize {
    let nests = |word: &&str| matches!(*word, "if" | "while" | "until" | "for" | "case" | "!");
    let parts = command.split(|c: char| c.is_whitespace() || c == ';');
    parts.filter(nests).count() + command.matches('`').count()
}

/// Runs it with room to nest and not for ever. `None`: it took too long, or
/// panicked.
pub(super) fn within_limits<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, answer) = mpsc::channel();
    let thread = std::thread::Builder::new().stack_size(STACK);
    thread.spawn(move || done.send(work())).ok()?;
    answer.recv_timeout(PATIENCE).ok()
}
