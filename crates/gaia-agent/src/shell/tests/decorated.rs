//! Whatever is put around a write, it stays one; and nothing makes the judge
//! panic.

use proptest::prelude::*;

use super::*;

const WRITES: &[&str] = &[
    "rm /held/x",
    "rm -rf -- /held/x",
    "mv a /held/x",
    "cp -r a /held/x",
    "tee -a /held/x",
    "sed -i s/a/b/ /held/x",
    "dd if=a of=/held/x",
    "touch /held/x",
    "echo y > /held/x",
    "cat a >> /held/x",
    "tar -C /held -xf a.tar",
    "git -C /held commit -m x",
    "curl -o /held/x http://h/",
    "ln -sf a /held/x",
    "find /held -delete",
    "python3 -c \"open('/held/x','w')\"",
    "make -C /held",
];

fn quoted(command: &str) -> String {
    format!("'{}'", command.replace('\'', "'\\''"))
}

/// One more thing around a command.
fn decorated(command: &str, how: u8) -> String {
    // As one command, whatever stands in it.
    let one = format!("{{ {command}\n}}");
    match how % 33 {
        0 => format!("sudo -u root env A=1 sh -c {}", quoted(command)),
        1 => format!("( {one} )"),
        2 => format!("{{ {command}; }}"),
        3 => format!("if true; then {command}; fi"),
        4 => format!("if false; then :; else {command}; fi"),
        5 => format!("while read l; do {command}; done < list"),
        6 => format!("for f in 1 2; do {command}; done"),
        7 => format!("f() {{ {command}; }}; f"),
        8 => format!("eval {}", quoted(command)),
        9 => format!("bash -lc {}", quoted(command)),
        10 => format!("echo $({one})"),
        11 => format!("x=\"$({one})\""),
        12 => format!("{one} 2>/dev/null"),
        13 => format!("{one} | cat"),
        14 => format!("cat y | {one}"),
        15 => format!("true && {one}"),
        16 => format!("false || {one}"),
        17 => format!("{one} &"),
        18 => format!("cd sub; {command}"),
        19 => format!("{command} # done"),
        20 => format!("! {one}"),
        21 => format!("time {one}"),
        22 => format!("case x in *) {command};; esac"),
        23 => format!("A=1 B=\"2 3\" bash -c {}", quoted(command)),
        24 => format!("cat <(  {command} )"),
        25 => format!("timeout -k 1 5 nice -n 5 bash -c {}", quoted(command)),
        26 => format!("set -euo pipefail\n{command}\necho done"),
        27 => format!("until {one}; do sleep 1; done"),
        30 => format!("echo $( ( {one} ) )"),
        31 => format!("( ( {one} ) ; ls )"),
        32 => format!("(\n(\n{command}\n)\n)"),
        28 => format!("trap {} EXIT", quoted(command)),
        _ => format!("ls -la; {command}; git status"),
    }
}

fn tells(judged: &Judged) -> bool {
    let held = Path::new("/held");
    judged.writes.iter().any(|written| match written {
        Written::Path(place) | Written::NewTree { place, .. } => place.starts_with(held),
        Written::Tree(tree) => tree.starts_with(held),
    }) || judged.named.iter().any(|named| named.starts_with(held))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_around_a_write_makes_it_free(
        which in 0..WRITES.len(),
        around in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut command = WRITES[which].to_owned();
        for how in around {
            command = decorated(&command, how);
        }
        let judged = judged(&command);
        prop_assert!(tells(&judged), "{}: {:?}", command, judged);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[ -~\\n]{0,80}") {
        // A panic would be told as a command that takes too long to read.
        let judged = judged(&text);
        let late = judged.unsure.iter().any(|unsure| unsure.what.contains("takes too long"));
        prop_assert!(!late, "{}", text);
    }

    #[test]
    fn no_words_of_known_programs_make_it_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "rm", "sed", "git", "tar", "find", "xargs", "env", "sudo", "bash", "-c", "-i", "-C",
                "-e", "s/a/b/w", "--", "-", "-xf", "--in-place=", "é", "-é", "-ié", "{a,b}", "{1..999999}",
                "$X", "$(ls)", "'", "\"", ">", "<(", ")", "|", "&&", ";", "~", "*", "--output", "perl", "awk",
                "curl", "-o", "cargo", "npm", "worktree", "add", "clone", "cd", "..", "trap", "alias", "a=b",
            ]),
            0..12,
        ),
    ) {
        let text = words.join(" ");
        let judged = judged(&text);
        let late = judged.unsure.iter().any(|unsure| unsure.what.contains("takes too long"));
        prop_assert!(!late, "{}", text);
    }
}
