//! Names that a file system takes for one.
//!
//! Where a directory ignores case or the encoding of accents, `Photo`, `PHOTO` and both encodings
//! of `é` are one name. There the name in a key is folded: decomposed (NFD), so that an accent
//! cannot hide a letter; every letter upper-cased and then lower-cased on its own, which is full
//! case folding and a little more (ß and ss, ſ and s, the two sigmas, the dotless i); decomposed
//! and composed again (NFC), since folding can leave accents in another order. File systems
//! differ in the last details, so this folds rather too much than too little: two folders that
//! differ in nothing else are locked together, and never one of them twice.

use unicode_normalization::UnicodeNormalization;

use super::clean::{names, push_name};
use crate::os::{self, Names};

/// Who says which directories fold names: the system, or a test.
pub trait NameRules {
    /// How names in this directory are compared; None if it is not there or cannot be looked at.
    fn names_in(&self, directory: &str) -> Option<Names>;
    /// True if no directory folds at all, so that none needs to be looked at.
    fn nothing_folds(&self) -> bool {
        false
    }
}

/// The system's own word.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

impl NameRules for SystemNames {
    fn names_in(&self, directory: &str) -> Option<Names> {
        os::names_in(directory)
    }

    fn nothing_folds(&self) -> bool {
        os::nothing_folds()
    }
}

/// The key of a clean path; None if it is the path.
pub(super) fn key_of(path: &str, rules: &dyn NameRules) -> Option<String> {
    let (mut directory, mut key) = (String::from("/"), String::from("/"));
    let mut compared = Names::Exact;
    for name in names(path) {
        // A directory that is yet to be made will be like the one it is made in.
        compared = rules.names_in(&directory).unwrap_or(compared);
        push_name(&mut key, &fold_name(name, compared));
        push_name(&mut directory, name);
    }
    (key != path).then_some(key)
}

/// One name as it stands in a key, in a directory that compares names so.
#[must_use]
pub fn fold_name(name: &str, compared: Names) -> String {
    match compared {
        Names::Exact => name.to_owned(),
        Names::Normalised => name.nfc().collect(),
        Names::Folded if name.is_ascii() => name.to_ascii_lowercase(),
        Names::Folded => {
            let letters = name
                .nfd()
                .flat_map(char::to_uppercase)
                .flat_map(char::to_lowercase);
            letters.nfd().nfc().collect()
        }
    }
}
