//! Places that stand in few words: in an option's letters, behind `~`, in a
//! program's own name, in a folder that nobody knows.

use super::*;

fn tells(command: &str, place: &str) -> bool {
    let (judged, place) = (judged(command), Path::new(place));
    judged.named.iter().any(|path| path.starts_with(place))
        || judged.writes.iter().any(|written| match written {
            Written::Path(path) | Written::Tree(path) => path.starts_with(place),
            Written::NewTree { place: path, .. } => path.starts_with(place),
        })
}

#[test]
fn places_are_told_however_few_words_they_take() {
    let table = [
        // In a folder that nobody knows.
        ("D=/held; cd \"$D\" && make", "/held"),
        ("D=/held; cd \"$D\" && git worktree add x", "/held"),
        // A program by its path.
        ("/held/deploy.sh", "/held"),
        ("../held/build.sh -v", "/w/../held"),
        ("bash -c /held/deploy.sh", "/held"),
        // At home.
        ("python3 -c \"open('~/x/y','w')\"", "/home/me/x"),
        ("python3 - <<'EOF'\nopen('~/x/y','w')\nEOF", "/home/me/x"),
        ("make '~/x/y'", "/home/me/x"),
        // Git's folder without its files, and the other way round.
        ("git --git-dir=/else/.git checkout x", "/w"),
        ("GIT_DIR=/else/.git git checkout x", "/w"),
        ("git -C /held --git-dir=/else/.git checkout x", "/held"),
        ("git --work-tree=/else checkout x", "/w"),
        ("GIT_WORK_TREE=/else git checkout x", "/w"),
        // Letters with a value that begins in the same word.
        ("D=/held; curl -fsSLo\"$D/x\" http://x/", "/held"),
        ("curl -fsSLo/held/$X http://x/", "/held"),
        ("curl --output=/held/$X http://x/", "/held"),
        ("D=/held; tar -C\"$D\" -xf a", "/held"),
        ("D=/held; cp -t\"$D\" a", "/held"),
        ("sed -i\"$S\" s/a/b/ /held/f", "/held"),
    ];
    let wrong: Vec<_> = table.iter().filter(|(text, at)| !tells(text, at)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_is_written_where_it_runs_by_letters_that_name_another_place() {
    for command in [
        "curl -fsSLo\"$D/x\" http://x/",
        "curl -fsSLo/else/$X http://x/",
        "tar -C/else/$X -xf a",
    ] {
        assert!(judged(command).writes.is_empty(), "{command}");
    }
    assert_eq!(
        paths("git --git-dir=/a/.git --work-tree=/b checkout x"),
        ["tree /a", "tree /b"]
    );
}

#[test]
fn functions_and_aliases_stand_for_no_program_that_another_one_runs() {
    let writes = [
        "rm() { echo; }; command rm /held/x",
        "rm() { echo; }; sudo rm /held/x",
        "rm() { echo; }; env A=1 rm /held/x",
        "rm() { echo; }; timeout 5 rm /held/x",
        "rm() { echo; }; nohup rm /held/x",
        "rm() { echo; }; find /held -exec rm {} +",
        "rm() { echo; }; xargs rm < /held/list",
        "rm() { echo; }; gaia run . -- rm /held/x",
    ];
    let wrong: Vec<_> = writes.iter().filter(|text| !tells(text, "/held")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(judged("rm() { echo; }; rm /held/x").is_free());
    assert!(judged("rm() { echo; }; noglob rm /held/x").is_free());
}

#[test]
fn an_alias_is_not_expanded_inside_its_own_text() {
    assert_eq!(paths("alias rm='rm -v'; rm /held/x"), ["/held/x"]);
    assert!(judged("alias ls='ls -la'; ls /held").is_free());
    // A second call finds it again.
    let judged = judged("alias zap='rm y'; alias ls='cd sub; zap; ls'; ls; ls");
    assert_eq!(judged.writes.len(), 3, "{judged:?}");
}
