//! Options and operands of a program, by the customs of `getopt_long`.

use super::words::Meaning;

/// The options of a program that have a value; all others are switches.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Valued {
    /// Letters.
    pub short: &'static str,
    /// Names, without `--`.
    pub long: &'static [&'static str],
}

/// A program's words, told apart.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Options in order: the letter or the name, and the value if it has one.
    pub options: Vec<(String, Option<Meaning>)>,
    /// All other words.
    pub operands: Vec<Meaning>,
}

impl Parsed {
    /// Tells words apart. After `--` all are operands.
    pub(super) fn of(words: &[Meaning], valued: Valued) -> Self {
        Self::read(words, valued, "", false)
    }

    /// The same with letters that have what stands behind them in their own
    /// word as a value, and never the next word.
    pub(super) fn with_optional(words: &[Meaning], valued: Valued, optional: &str) -> Self {
        Self::read(words, valued, optional, false)
    }

    /// The same where all words from the first operand on are operands: those
    /// of another program.
    pub(super) fn leading(words: &[Meaning], valued: Valued) -> Self {
        Self::read(words, valued, "", true)
    }

    fn read(words: &[Meaning], valued: Valued, optional: &str, leading: bool) -> Self {
        let mut parsed = Self::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match word.text() {
                Some("--") => {
                    parsed.operands.extend(rest.cloned());
                    return parsed;
                }
                Some(text) if text.len() > 1 && text.starts_with('-') => {
                    parsed.option(text, valued, optional, &mut rest);
                }
                // `--out=$X`: the name is known, of the value its start.
                None if word.known().starts_with("--") && word.known().contains('=') => {
                    let name = word.known().split('=').next().unwrap_or_default();
                    let value = word.behind(name.len() + 1);
                    let name = name.trim_start_matches('-').to_owned();
                    parsed.options.push((name, Some(value)));
                }
                // `-o$X`: so are the letters.
                None if parsed.letters(word, valued, optional) => {}
                _ => {
                    parsed.operands.push(word.clone());
                    if leading {
                        parsed.operands.extend(rest.cloned());
                        return parsed;
                    }
                }
            }
        }
        parsed
    }

    fn option<'a>(
        &mut self,
        text: &str,
        valued: Valued,
        optional: &str,
        rest: &mut impl Iterator<Item = &'a Meaning>,
    ) {
        if let Some(long) = text.strip_prefix("--") {
            let (name, joined) = match long.split_once('=') {
                Some((name, value)) => (name, Some(Meaning::Text(value.to_owned()))),
                None => (long, None),
            };
            let takes = valued.long.contains(&name);
            let value = joined.or_else(|| takes.then(|| rest.next().cloned()).flatten());
            self.options.push((name.to_owned(), value));
            return;
        }
        let letters = text.get(1..).unwrap_or_default();
        for (at, letter) in letters.char_indices() {
            let behind = letters.get(at + letter.len_utf8()..).unwrap_or_default();
            if optional.contains(letter) {
                let value = Meaning::Text(behind.to_owned());
                self.options.push((letter.to_string(), Some(value)));
                return;
            }
            if !valued.short.contains(letter) {
                self.options.push((letter.to_string(), None));
                continue;
            }
            let behind = behind.strip_prefix('=').unwrap_or(behind);
            let value = match behind.is_empty() {
                true => rest.next().cloned(),
                false => Some(Meaning::Text(behind.to_owned())),
            };
            self.options.push((letter.to_string(), value));
            return;
        }
    }

    /// Letters with a value in the same word of which only the start is known;
    /// whether it is such a word.
    fn letters(&mut self, word: &Meaning, valued: Valued, optional: &str) -> bool {
        let Some(letters) = word.known().strip_prefix('-') else {
            return false;
        };
        let has_value = |letter: char| valued.short.contains(letter) || optional.contains(letter);
        let Some(at) = letters.find(has_value) else {
            return false;
        };
        let (switches, valued) = letters.split_at(at);
        if switches.starts_with('-') {
            return false;
        }
        for letter in switches.chars() {
            self.options.push((letter.to_string(), None));
        }
        let mut rest = valued.chars();
        let name: String = rest.next().into_iter().collect();
        let rest = rest.as_str();
        let rest = rest.strip_prefix('=').unwrap_or(rest);
        let value = word.behind(word.known().len() - rest.len());
        self.options.push((name, Some(value)));
        true
    }

    /// Whether one of these options is there.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options
            .iter()
            .any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The values of these options, in order.
    pub(super) fn values(&self, names: &[&str]) -> Vec<Meaning> {
        let mut found = Vec::new();
        for (name, value) in &self.options {
            if names.contains(&name.as_str()) {
                found.extend(value.clone());
            }
        }
        found
    }

    /// The last value of these options.
    pub(super) fn value(&self, names: &[&str]) -> Option<Meaning> {
        self.values(names).pop()
    }
}
