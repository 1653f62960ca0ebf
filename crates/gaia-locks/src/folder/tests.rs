//! Folders without a file system: keys, cleaning, errors. With one: tests/r12_folder_identity.rs.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::os::Names;

fn clean(path: &str) -> Folder {
    Folder::clean(path).unwrap()
}

fn refusal(path: &str) -> String {
    Folder::resolve(Path::new(path), Path::new("/"))
        .unwrap_err()
        .to_string()
}

#[test]
fn r12_a_path_of_another_scope_is_only_cleaned() {
    assert_eq!(clean("//srv//x/./y/../z/").path(), "/srv/x/z");
    assert_eq!(clean("/..").path(), "/");
    assert_eq!(clean("/no/such/link/../x").path(), "/no/such/x");
    assert_eq!(Folder::clean("x/y").unwrap_err().reason, Reason::Relative);
    assert_eq!(Folder::clean("").unwrap_err().reason, Reason::Empty);
    assert_eq!(Folder::clean("/a\0b").unwrap_err().reason, Reason::Nul);
    assert!(Folder::clean(&"/x".repeat(2100)).is_err());
}

#[test]
fn r12_a_folder_covers_itself_and_what_lies_in_it_and_no_namesake() {
    let covers = |outer: &str, inner: &str| clean(outer).covers(&clean(inner));
    assert!(covers("/a", "/a") && covers("/a", "/a/b/c") && covers("/", "/a") && covers("/", "/"));
    assert!(!covers("/a", "/ab") && !covers("/a/b", "/a") && !covers("/a", "/"));
    assert!(!covers("/a_", "/ab/c") && !covers("/a%", "/ab"));
    assert!(clean("/a/b").overlaps(&clean("/a")) && !clean("/a/b").overlaps(&clean("/a/c")));
}

#[test]
fn r12_both_spellings_count() {
    let stored = |path: &str, written: &str| {
        Folder::from_stored(StoredFolder {
            path: path.into(),
            written: Some(written.into()),
            ..StoredFolder::default()
        })
    };
    let (before, after) = (stored("/disk1/x", "/link/x"), stored("/disk2/x", "/link/x"));
    assert!(before.same(&after) && before.covers(&after));
    assert!(before.overlaps(&clean("/disk1")) && before.overlaps(&clean("/link/x/y")));
    assert!(!before.overlaps(&clean("/disk2")));
    assert_eq!(Folder::from_stored(before.to_stored()), before);
    assert_eq!(stored("/x", "/x").written(), None);
}

#[test]
fn ancestors_end_at_the_root() {
    let all = |key| ancestors(key).collect::<Vec<_>>();
    assert_eq!(all("/a/b/c"), ["/a/b/c", "/a/b", "/a", "/"]);
    assert_eq!(all("/a"), ["/a", "/"]);
    assert_eq!(all("/"), ["/"]);
}

struct FoldsBelow(&'static str, Names);

impl NameRules for FoldsBelow {
    fn names_in(&self, directory: &str) -> Option<Names> {
        let missing = directory.contains("missing");
        let names = if is_within(directory, self.0) {
            self.1
        } else {
            Names::Exact
        };
        (!missing).then_some(names)
    }
}

fn key(path: &str, rules: &dyn NameRules) -> String {
    fold::key_of(path, rules).unwrap_or_else(|| path.to_owned())
}

#[test]
fn r12_spellings_are_one_where_the_file_system_takes_them_for_one() {
    let usb = FoldsBelow("/mnt/Usb", Names::Folded);
    assert_eq!(
        key("/mnt/Usb/Foto/Straße", &usb),
        key("/mnt/Usb/FOTO/STRASSE", &usb)
    );
    assert_eq!(
        key("/mnt/Usb/caf\u{e9}", &usb),
        key("/mnt/Usb/CAFE\u{301}", &usb)
    );
    assert_eq!(
        key("/mnt/Usb/missing/Deep/x", &usb),
        key("/mnt/Usb/MISSING/deep/X", &usb)
            .to_lowercase()
            .replace("/mnt/usb", "/mnt/Usb")
    );
    // The mount point's own name lies in a directory that tells cases apart.
    assert_ne!(key("/mnt/Usb", &usb), key("/mnt/usb", &usb));
    assert_eq!(fold::key_of("/home/Me", &usb), None);
    let apfs = FoldsBelow("/", Names::Normalised);
    assert_eq!(key("/caf\u{e9}", &apfs), key("/cafe\u{301}", &apfs));
    assert_ne!(key("/Foto", &apfs), key("/foto", &apfs));
}

#[test]
fn folded_names_of_one_kind_meet() {
    for (one, other) in [
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("ﬁ", "FI"),
        ("K", "\u{212a}"),
        ("ſ", "S"),
        ("Å", "a\u{30a}"),
    ] {
        assert_eq!(
            fold_name(one, Names::Folded),
            fold_name(other, Names::Folded),
            "{one}"
        );
    }
}

#[test]
fn r12_refusals_name_the_path_and_what_would_be_right() {
    assert_eq!(
        refusal(""),
        "cannot lock \"\": the path is empty; give a folder, such as . or /home/me/project"
    );
    assert_eq!(
        refusal("/a\0\u{1b}[31mb"),
        r#"cannot lock "/a\u{0}\u{1b}[31mb": it holds a NUL character, which no path can"#
    );
    let long = refusal(&format!("/tmp/{}", "n".repeat(256)));
    assert!(
        long.contains("256 bytes long, and 255 is the most"),
        "{long}"
    );
    assert!(long.len() < 500, "{long}");
    let deep = refusal(&"/no-such".repeat(600));
    assert!(
        deep.contains("4800 bytes long, and 4095 is the most"),
        "{deep}"
    );
    let base = Folder::resolve(Path::new("x"), Path::new("y")).unwrap_err();
    assert_eq!(base.reason, Reason::NoBase);
}

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("a"),
        Just("b"),
        Just("ab"),
        Just("a_"),
        Just("A"),
        Just("\u{1}")
    ];
    prop::collection::vec(name, 0..5).prop_map(|names| format!("/{}", names.join("/")))
}

proptest! {
    #[test]
    fn overlap_is_symmetric(one in path(), other in path()) {
        let (one, other) = (clean(&one), clean(&other));
        prop_assert_eq!(one.overlaps(&other), other.overlaps(&one));
        prop_assert_eq!(one.same(&other), one.covers(&other) && other.covers(&one));
    }

    #[test]
    fn covering_is_transitive(a in path(), b in path(), c in path()) {
        let (a, b, c) = (clean(&a), clean(&b), clean(&c));
        if a.covers(&b) && b.covers(&c) {
            prop_assert!(a.covers(&c));
        }
    }

    #[test]
    fn an_index_finds_what_comparing_finds(outer in path(), inner in path()) {
        let (lower, upper) = descendant_range(&outer);
        let in_range = inner > lower && inner < upper;
        prop_assert_eq!(in_range, is_within(&inner, &outer) && inner != outer);
        prop_assert_eq!(ancestors(&inner).any(|key| key == outer), is_within(&inner, &outer));
    }

    #[test]
    fn cleaning_is_idempotent(path in "/[a./]{0,12}") {
        let once = clean(&path);
        prop_assert_eq!(clean(once.path()), once);
    }

    #[test]
    fn folding_is_idempotent(name in "\\PC{0,12}") {
        for names in [Names::Exact, Names::Normalised, Names::Folded] {
            let once = fold_name(&name, names);
            prop_assert_eq!(fold_name(&once, names), once);
        }
    }

    #[test]
    fn no_text_makes_resolving_panic(path in "\\PC{0,40}", odd in any::<Vec<u8>>()) {
        let _ = Folder::resolve(Path::new(&path), Path::new("/no-such-place"));
        let _ = Folder::clean(&String::from_utf8_lossy(&odd));
    }
}
