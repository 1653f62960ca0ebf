//! Reading stays free although a part of it is only known when it runs; what
//! is like it and writes does not.

use super::*;

#[test]
fn reading_with_what_is_only_known_when_it_runs_is_free() {
    let free = [
        "find . -name *.rs",
        "find . -name \"$f\"",
        "find /held -type f -newer \"$x\" -size +\"$n\"k -print",
        "find /held -name '*.rs' -exec grep \"$x\" {} +",
        "find /held -exec grep -- -delete {} ;",
        "sed -n \"$((n-5)),$((n+5))p\" f",
        "sed -n \"${from},${to}p\" /held/f",
        "sed -e \"${n}q\" -e 's/a/b/' /held/f",
        "sed \"s/a/$((n+1))/\" f",
        "sed -n \"s/x/${#A}/p; $#p\" f",
        "ls /held | xargs -I{} grep x {}",
        "ls /held | xargs --replace=% cat %",
        "git reflog",
        "git reflog -5",
        "git -C /held reflog --all -n 5",
        "git reflog show main",
        "git config --list",
        "git config --global --list --show-origin",
        "git config --get user.name",
        "git config --global user.name",
        "git config --global --get \"$NAME\"",
        "git config -f /held/x user.name",
        "git config get user.name",
        "git clean -n",
        "git clean -ndx",
        "git clean --dry-run -d src",
    ];
    let wrong: Vec<_> = free.iter().filter(|text| !judged(text).is_free()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_like_reading_and_writes_is_not_free() {
    let writes = [
        "find . -name x $MORE",
        "find . -name x -o -delete",
        "find . -name -x -delete",
        "find . -exec rm {} + -name \"$f\"",
        "sed \"$SCRIPT\" f",
        "sed \"s/a/b/$F\" f",
        "sed \"s/$A/$B/\" f",
        "sed -es/$A/$B/ f",
        "sed --expression=\"s#a#$B#\" f",
        "sed -n \"/$A/p\" f",
        "sed \"s/a/`date`/\" f",
        "sed \"s/$A/$B/w out\" f",
        "sed -i \"s/$A/$B/\" f",
        "sed \"/$A/w $F\" f",
        "ls | xargs -I{} rm {}",
        "ls | xargs --replace rm {}",
        "ls | xargs -0 rm",
        "git reflog expire --all",
        "git reflog delete HEAD@{1}",
        "git reflog \"$VERB\"",
        "git config user.name x",
        "git config --global user.name x",
        "git config --global --unset user.name",
        "git config --remove-section user",
        "git config --get user.name --edit",
        "git config -e",
        "git config edit",
        "git config set user.name x",
        "git clean -fd",
        "git clean -e -n",
        "git clean -ni",
    ];
    let wrong: Vec<_> = writes
        .iter()
        .filter(|text| judged(text).is_free())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_program_only_reads_is_not_named_where_it_writes_elsewhere() {
    let table = [
        "find /held -name x -exec cp {} . +",
        "ls /held | xargs -I{} cp {} here",
        "python3 *.py; cat /held/f",
    ];
    let held = Path::new("/held");
    let is_named = |text: &&&str| judged(text).named.iter().any(|path| path.starts_with(held));
    let wrong: Vec<_> = table.iter().filter(is_named).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_second_place_of_a_program_that_cannot_be_judged_is_named_as_the_first() {
    let judged = judged("find /one /held -exec make {} ;");
    assert!(
        judged.named.iter().any(|path| path.starts_with("/held")),
        "{judged:?}"
    );
}
