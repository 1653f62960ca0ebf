//! The small repository in which the stand-ins work.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The folders of the repository, each with some files.
const FOLDERS: [(&str, [&str; 2]); 11] = [
    ("web", ["index.html", "theme.css"]),
    ("web/api", ["routes.py", "prices.py"]),
    ("web/api/v2", ["routes.py", "schema.json"]),
    ("web/login", ["form.html", "session.py"]),
    ("core", ["orders.py", "database.py"]),
    ("core/money", ["amounts.py", "tax.py"]),
    ("docs", ["install.md", "changes.md"]),
    ("docs/guide", ["start.md", "links.md"]),
    ("tests", ["test_orders.py", "test_prices.py"]),
    ("infra", ["cron.txt", "alerts.yml"]),
    (".", ["README.md", "Makefile"]),
];

/// The repository's name.
pub const TOP: &str = "shop";

/// Makes it.
///
/// # Errors
/// When it cannot be written.
pub fn fill(top: &Path) -> io::Result<()> {
    for (folder, files) in FOLDERS {
        fs::create_dir_all(top.join(folder))?;
        for file in files {
            fs::write(top.join(folder).join(file), format!("{folder}/{file}\n"))?;
        }
    }
    // Where there is no git it is a folder like any other.
    drop(make_git(top));
    Ok(())
}

/// Variables that would lead git into another repository, such as that of a
/// hook in which the demo is run.
const ELSEWHERE: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
];

/// A repository of its own, without the user's configuration and hooks.
fn make_git(top: &Path) -> io::Result<()> {
    // Should the first fail, the others could find a repository further up.
    if git(top, &["init", "-q", "--template="])? && git(top, &["add", "-A"])? {
        git(top, &["commit", "-q", "-m", "a shop"])?;
    }
    Ok(())
}

/// Whether git did it.
fn git(top: &Path, words: &[&str]) -> io::Result<bool> {
    let mut command = Command::new("git");
    for name in ELSEWHERE {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(["-c", "user.name=demo", "-c", "user.email=demo@localhost"])
        .args(words)
        .current_dir(top)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command.status()?.success())
}

/// One line of the tree.
pub struct Branch {
    /// The folder, as locks are shown.
    pub folder: String,
    /// Its name, moved in by its depth.
    pub label: String,
}

/// The repository's folders as a tree.
pub fn tree() -> Vec<Branch> {
    let mut folders: Vec<&str> = FOLDERS.iter().map(|(folder, _)| *folder).collect();
    folders.retain(|folder| *folder != ".");
    folders.sort_unstable();
    let branches = folders.iter().map(|folder| {
        let depth = folder.matches('/').count();
        let name = folder.rsplit('/').next().unwrap_or(folder);
        Branch {
            folder: (*folder).to_owned(),
            label: format!("{}{name}", "  ".repeat(depth + 1)),
        }
    });
    let top = Branch {
        folder: TOP.to_owned(),
        label: TOP.to_owned(),
    };
    std::iter::once(top).chain(branches).collect()
}
