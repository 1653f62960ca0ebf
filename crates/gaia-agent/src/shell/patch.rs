//! The paths in the text of a patch as `apply_patch` takes it.

/// The files that a patch adds, changes, deletes or moves, as written in it.
pub fn paths_of(patch: &str) -> Vec<String> {
    const HEADS: [&str; 4] = [
        "*** Add File: ",
        "*** Update File: ",
        "*** Delete File: ",
        "*** Move to: ",
    ];
    let of_line = |line: &str| {
        let line = line.trim_start();
        let path = HEADS.iter().find_map(|head| line.strip_prefix(head))?;
        Some(path.trim().to_owned())
    };
    patch.lines().filter_map(of_line).collect()
}
