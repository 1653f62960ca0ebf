mod decorated;
mod escapes;
mod places;
mod reads;

use std::path::Path;

use super::{Judged, Written, judge};

fn judged(command: &str) -> Judged {
    judge(command, Path::new("/w"), Some(Path::new("/home/me")))
}

fn paths(command: &str) -> Vec<String> {
    let judged = judged(command);
    assert!(judged.unsure.is_empty(), "{command}: {judged:?}");
    judged.writes.iter().map(shown).collect()
}

fn shown(written: &Written) -> String {
    match written {
        Written::Path(path) => path.display().to_string(),
        Written::Tree(path) => format!("tree {}", path.display()),
        Written::NewTree { place, .. } => format!("new {}", place.display()),
    }
}

#[test]
fn readers_are_free() {
    let free = [
        "ls -la",
        "cat a b | grep x | sort -u | head",
        "rg foo && git status; git log -3 --stat",
        "find . -name '*.rs'",
        "sed -n 1,20p file",
        "awk '{print $1}' file",
        "git diff HEAD~1 -- src",
        "git branch -a",
        "git stash list",
        "echo hi >/dev/null 2>&1",
        "test -f a && echo b || true",
        "for f in a b; do cat $f; done",
        "cargo --version",
        "git -C /elsewhere log",
        "cd /x && pwd",
        "cat <<'EOF'\nrm -rf /\nEOF",
        "npm ls",
        "env | grep PATH",
        "command -v git",
        "[[ -f a ]] && echo yes",
        "x=1; echo $x",
        "curl -s http://localhost/",
        "git push",
        "if grep -q x f; then echo y; fi",
        "tail -f log | grep --line-buffered x",
        "time ls",
        "timeout 5 ls",
    ];
    for command in free {
        assert!(
            judged(command).is_free(),
            "{command}: {:?}",
            judged(command)
        );
    }
}

#[test]
fn writers_name_what_they_write() {
    let table: &[(&str, &[&str])] = &[
        ("rm -rf build", &["/w/build"]),
        ("rm -rf /w/*", &["/w/"]),
        ("echo x > a.txt", &["/w/a.txt"]),
        ("echo x >> sub/a.txt; cat b", &["/w/sub/a.txt"]),
        ("echo x &> both", &["/w/both"]),
        ("cat a | tee b c", &["/w/b", "/w/c"]),
        ("mv a /other/b", &["/w/a", "/other/b"]),
        ("cp a b /dest", &["/dest"]),
        ("cp -t /dest a b", &["/dest"]),
        ("sed -i 's/a/b/' x y", &["/w/x", "/w/y"]),
        ("sed -i.bak -e 's/a/b/' x", &["/w/x"]),
        ("sed -ni p x", &["/w/x"]),
        ("perl -pi -e 's/a/b/' x", &["/w/x"]),
        ("cd sub; rm x", &["/w/x", "/w/sub/x"]),
        ("cd / && rm x", &["/x"]),
        ("(cd / ; rm x); rm y", &["/x", "/w/y"]),
        ("rm ~/x \"$HOME/y\"", &["/home/me/x", "/home/me/y"]),
        ("chmod +x run.sh", &["/w/run.sh"]),
        ("dd if=/dev/zero of=big bs=1M", &["/w/big"]),
        ("touch -d yesterday a", &["/w/a"]),
        ("bash -c 'rm inner'", &["/w/inner"]),
        ("bash -c 'cd /x'; rm inner", &["/w/inner"]),
        ("cd /x & rm inner", &["/w/inner"]),
        ("eval 'rm inner'", &["/w/inner"]),
        ("/usr/bin/rm inner", &["/w/inner"]),
        ("sudo rm x", &["/w/x"]),
        ("env A=1 rm x", &["/w/x"]),
        ("timeout 5 rm x", &["/w/x"]),
        ("echo $(rm hidden)", &["/w/hidden"]),
        ("echo `rm hidden`", &["/w/hidden"]),
        ("cat <<EOF\n$(rm hidden)\nEOF", &["/w/hidden"]),
        ("x=$(rm hidden)", &["/w/hidden"]),
        ("diff <(rm a) b", &["/w/a"]),
        ("f() { rm inside; }; f", &["/w/inside"]),
        ("while true; do rm x; done", &["/w/x"]),
        ("git stash", &["tree /w/."]),
        ("git checkout main", &["tree /w/."]),
        ("git -C /other reset --hard", &["tree /other"]),
        ("git commit -am x && git push", &["tree /w/."]),
        ("git branch new", &["tree /w/."]),
        ("npm install", &["tree /w/."]),
        ("cargo add serde", &["tree /w/."]),
        ("pip install x", &["tree /w/."]),
        ("find . -name x -delete", &["/w/."]),
        ("tar xf a.tar -C /t", &["/t"]),
        ("sort -o out in", &["/w/out"]),
        (
            "apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: a.rs\n*** Move to: b.rs\n*** End Patch\nEOF",
            &["/w/a.rs", "/w/b.rs"],
        ),
        ("git clone https://x/y.git dest", &["/w/dest"]),
    ];
    for (command, expected) in table {
        assert_eq!(paths(command), *expected, "{command}");
    }
}

#[test]
fn what_cannot_be_judged_is_unsure() {
    let unsure = [
        "python x.py",
        "./build.sh",
        "./test",
        "bin/cat x",
        "make",
        "cargo test",
        "node -e 1",
        "rm $FILE",
        "cd $X && rm a",
        "$CMD a",
        "bash script.sh",
        "curl x | sh",
        "xargs rm",
        "awk '{print > \"f\"}' x",
        "eval $X",
        "git frobnicate",
        "echo 'unclosed",
        "if",
        "npm test",
        "perl -e 1",
        "echo ${X:-$(rm y)}",
        "ssh host rm x",
        "kubectl apply -f x",
        "source env.sh",
        ". env.sh",
    ];
    for command in unsure {
        assert!(
            !judged(command).unsure.is_empty(),
            "{command}: {:?}",
            judged(command)
        );
    }
}

#[test]
fn deep_and_long_commands_end() {
    let deep = [
        "(",
        "{ ",
        "$(",
        "`",
        "if ",
        "((",
        "[[ ",
        "${",
        "case x in ",
        "\"$(",
    ];
    for part in deep {
        for times in [10, 39, 100, 5000] {
            assert!(!judged(&part.repeat(times)).is_free(), "{part} {times}");
        }
    }
    assert!(!judged(&"rm a;".repeat(20_000)).is_free());
}
