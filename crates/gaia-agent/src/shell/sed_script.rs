//! A script of sed, read as far as it tells what is written.
//!
//! A part that is only known when it runs is taken for a line's number where
//! one may stand (`${n}p`). Anywhere else the script cannot be read: between
//! the slashes of `s/$A/$B/` too a path may end the command and begin another,
//! as `src/web` does: `w` writes.

use std::iter::Peekable;
use std::str::Chars;

use super::words::ANYTHING;

/// What a script does besides printing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    /// It writes this file.
    Writes(String),
    /// It runs a program.
    Runs,
}

/// What a script does; `None`: it cannot be read.
pub(super) fn deeds(script: &str) -> Option<Vec<Deed>> {
    let mut reader = Reader {
        rest: script.chars().peekable(),
        deeds: Vec::new(),
        numbers: 0,
    };
    while reader.command()? {}
    let unknown = script.matches(ANYTHING).count();
    (reader.numbers == unknown).then_some(reader.deeds)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    deeds: Vec<Deed>,
    /// How many lines' numbers are only known when it runs.
    numbers: usize,
}

impl Reader<'_> {
    /// Reads one command; whether there was one.
    fn command(&mut self) -> Option<bool> {
        self.skip(|letter| letter.is_whitespace() || matches!(letter, ';' | '{' | '}'));
        if self.rest.peek().is_none() {
            return Some(false);
        }
        self.addresses()?;
        let Some(command) = self.rest.next() else {
            return Some(true);
        };
        match command {
            '{' | '}' | '=' | 'd' | 'D' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'p' | 'P' | 'x'
            | 'z' | 'F' => {}
            'q' | 'Q' | 'l' | 'L' => self.skip(|letter| letter == ' ' || letter.is_ascii_digit()),
            's' => self.substitutes()?,
            'y' => {
                let end = self.rest.next()?;
                self.until(end)?;
                self.until(end)?;
            }
            'w' | 'W' => {
                let file = self.line();
                self.deeds.push(Deed::Writes(file));
            }
            'e' => {
                self.line();
                self.deeds.push(Deed::Runs);
            }
            'r' | 'R' | '#' => drop(self.line()),
            'a' | 'i' | 'c' => self.text(),
            ':' | 'b' | 't' | 'T' | 'v' => {
                self.skip(|letter| !matches!(letter, ';' | '\n' | '}'));
            }
            _ => return None,
        }
        Some(true)
    }

    fn skip(&mut self, passes: impl Fn(char) -> bool) {
        while self.rest.next_if(|letter| passes(*letter)).is_some() {}
    }

    /// `1,/x/I!`: where a command counts.
    fn addresses(&mut self) -> Option<()> {
        loop {
            match self.rest.peek()? {
                '/' => {
                    self.rest.next();
                    self.until('/')?;
                    self.skip(|letter| matches!(letter, 'I' | 'M'));
                }
                '\\' => {
                    self.rest.next();
                    let end = self.rest.next()?;
                    self.until(end)?;
                    self.skip(|letter| matches!(letter, 'I' | 'M'));
                }
                &ANYTHING => {
                    self.rest.next();
                    self.numbers += 1;
                }
                letter
                    if letter.is_ascii_digit()
                        || matches!(letter, '$' | ',' | '+' | '~' | '!' | ' ' | '\t') =>
                {
                    self.rest.next();
                }
                _ => return Some(()),
            }
        }
    }

    /// What stands before the next end that is not escaped nor in brackets.
    fn until(&mut self, end: char) -> Option<()> {
        let mut in_brackets = false;
        loop {
            match self.rest.next()? {
                '\\' => drop(self.rest.next()?),
                '[' if !in_brackets && end != '[' => {
                    in_brackets = true;
                    // `[]x]` and `[^]x]` begin with a bracket that is meant.
                    self.rest.next_if_eq(&'^');
                    self.rest.next_if_eq(&']');
                }
                ']' => in_brackets = false,
                letter if letter == end && !in_brackets => return Some(()),
                _ => {}
            }
        }
    }

    fn substitutes(&mut self) -> Option<()> {
        let end = self.rest.next()?;
        self.until(end)?;
        self.replacement(end)?;
        loop {
            match self.rest.peek() {
                Some('g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9') => drop(self.rest.next()),
                Some('e') => {
                    self.rest.next();
                    self.deeds.push(Deed::Runs);
                }
                Some('w') => {
                    self.rest.next();
                    let file = self.line();
                    self.deeds.push(Deed::Writes(file));
                    return Some(());
                }
                Some(' ' | '\t' | ';' | '\n' | '}' | '#') | None => return Some(()),
                Some(_) => return None,
            }
        }
    }

    /// Brackets mean nothing in it.
    fn replacement(&mut self, end: char) -> Option<()> {
        loop {
            match self.rest.next()? {
                '\\' => drop(self.rest.next()?),
                letter if letter == end => return Some(()),
                _ => {}
            }
        }
    }

    /// The rest of the line.
    fn line(&mut self) -> String {
        let mut line = String::new();
        while let Some(letter) = self.rest.next_if(|letter| *letter != '\n') {
            line.push(letter);
        }
        line.trim().to_owned()
    }

    /// Text that goes on behind a line that ends with a backslash.
    fn text(&mut self) {
        while self.line().ends_with('\\') {
            self.rest.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_known_when_it_runs_is_a_lines_number_or_anything() {
        for script in ["?p", "?,?p", "?,+?{p;q}", "/x/,?!d", "1~?p"] {
            let script = script.replace('?', &ANYTHING.to_string());
            assert_eq!(deeds(&script), Some(Vec::new()), "{script}");
        }
        for script in [
            "?",
            "p;?",
            "/?/p",
            "s/?/x/",
            "s/x/?/",
            "s/x/y/?",
            "y/a/?/",
            "r ?",
            "# ?",
            ":?",
            "a\\\n?",
            "w ?",
            "s/x/y/w ?",
        ] {
            let script = script.replace('?', &ANYTHING.to_string());
            assert_eq!(deeds(&script), None, "{script}");
        }
    }

    #[test]
    fn files_and_programs_of_a_script_are_found_and_nothing_else() {
        let free = [
            "p",
            "1,20p",
            "$!d",
            "/a w b/d",
            "s/ w / e /g",
            "s|/w x|/e|",
            "s/[/]w/x/2p",
            "s/a\\/b/w c/",
            "y/abc/w e/",
            "/x/{n;p};q",
            "a\\\nw file\\\ne\nd",
            ":a;N;$!ba;s/\\n/ /g",
            "# w file\np",
            "\\,a,p",
            "0~3 d",
            "r some/file",
            "",
        ];
        for script in free {
            assert_eq!(deeds(script), Some(Vec::new()), "{script}");
        }
        let writes = |file: &str| Some(vec![Deed::Writes(file.to_owned())]);
        assert_eq!(deeds("w out"), writes("out"));
        assert_eq!(deeds("/x/w /held/f"), writes("/held/f"));
        assert_eq!(deeds("s/a/b/gw out f\np"), writes("out f"));
        assert_eq!(deeds("1!{W out\n}"), writes("out"));
        for script in ["e rm x", "s/a/b/e", "s/a/rm x/ge", "1e"] {
            assert_eq!(deeds(script), Some(vec![Deed::Runs]), "{script}");
        }
        for script in ["s/a", "s/a/b/k", "k", "/x"] {
            assert_eq!(deeds(script), None, "{script}");
        }
    }
}
