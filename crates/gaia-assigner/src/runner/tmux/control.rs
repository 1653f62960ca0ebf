//! What tmux says in control mode, line by line: pure, bytes in, notes out.
//!
//! Replies stand between `%begin` and `%end` or `%error` with the same time
//! and number; whatever else is between them is text, also where it looks like
//! a word of the protocol. Of `%output` nothing is kept but whose it was and
//! whether it switched bracketed paste: the screen itself is asked for.

/// What was said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Note {
    /// A pane wrote something.
    Output {
        /// Which.
        pane: String,
        /// Whether its program switched bracketed paste on or off.
        pasting: Option<bool>,
    },
    /// Sessions, windows or panes came, went, or have another name.
    Changed,
    /// The answer to a command of ours, in the order of asking.
    Reply(Result<Vec<String>, String>),
    /// The server sends us away.
    Exit,
}

/// Reads the stream.
#[derive(Default)]
pub(super) struct Parser {
    /// What has come of a line that is not whole yet.
    line: Vec<u8>,
    reply: Option<Begun>,
}

struct Begun {
    /// `time number`, which `%end` repeats.
    mark: String,
    /// Whether it answers a command that came over this connection; the first
    /// one answers the command that opened it.
    ours: bool,
    lines: Vec<String>,
}

impl Parser {
    /// Reads on.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Note> {
        let mut notes = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                notes.extend(self.line(&line[..line.len() - 1]));
            }
        }
        notes
    }

    fn line(&mut self, line: &[u8]) -> Option<Note> {
        if let Some(rest) = line.strip_prefix(b"%output ")
            && self.reply.is_none()
        {
            return output(rest);
        }
        let line = String::from_utf8_lossy(line);
        match self.reply.take() {
            Some(begun) => self.go_on(begun, &line),
            None => self.begin(&line),
        }
    }

    fn begin(&mut self, line: &str) -> Option<Note> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "%begin" => {
                let (mark, flags) = rest.rsplit_once(' ')?;
                self.reply = Some(Begun {
                    mark: mark.to_owned(),
                    ours: flags == "1",
                    lines: Vec::new(),
                });
                None
            }
            "%exit" => Some(Note::Exit),
            word if CHANGES.contains(&word) => Some(Note::Changed),
            _ => None,
        }
    }

    fn go_on(&mut self, mut begun: Begun, line: &str) -> Option<Note> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let ends = matches!(word, "%end" | "%error")
            && rest
                .rsplit_once(' ')
                .is_some_and(|(mark, _)| mark == begun.mark);
        if !ends {
            begun.lines.push(line.to_owned());
            self.reply = Some(begun);
            return None;
        }
        let answer = match word {
            "%end" => Ok(begun.lines),
            _ => Err(begun.lines.join(" ")),
        };
        begun.ours.then_some(Note::Reply(answer))
    }
}

/// After these the panes are counted anew. `%session-changed` is not among
/// them: it is the answer to our own attaching.
const CHANGES: [&str; 11] = [
    "%layout-change",
    "%session-renamed",
    "%session-window-changed",
    "%sessions-changed",
    "%unlinked-window-add",
    "%unlinked-window-close",
    "%unlinked-window-renamed",
    "%window-add",
    "%window-close",
    "%window-pane-changed",
    "%window-renamed",
];

fn output(rest: &[u8]) -> Option<Note> {
    let end = rest.iter().position(|byte| *byte == b' ')?;
    Some(Note::Output {
        pane: String::from_utf8_lossy(&rest[..end]).into_owned(),
        pasting: pasting(&rest[end..]),
    })
}

/// The last switch of mode 2004 in a piece of output: `ESC [ ? … 2004 … h` or
/// `l`, where tmux writes ESC as `\033`.
fn pasting(text: &[u8]) -> Option<bool> {
    const OPENS: &[u8] = b"\\033[?";
    let mut last = None;
    let mut rest = text;
    while let Some(at) = rest.windows(OPENS.len()).position(|part| part == OPENS) {
        rest = &rest[at + OPENS.len()..];
        let digit = |byte: &u8| byte.is_ascii_digit() || *byte == b';';
        let end = rest.iter().position(|byte| !digit(byte))?;
        let is_paste = rest[..end]
            .split(|byte| *byte == b';')
            .any(|mode| mode == b"2004");
        match rest[end] {
            b'h' if is_paste => last = Some(true),
            b'l' if is_paste => last = Some(false),
            _ => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(text: &str) -> Vec<Note> {
        Parser::default().feed(text.as_bytes())
    }

    #[test]
    fn a_reply_may_hold_what_looks_like_the_protocol() {
        let text =
            "%begin 7 1 0\n%end 7 1 0\n%begin 7 2 1\n%end 7 1 1\n%output %0 x\n\n%end 7 2 1\n";
        let lines = ["%end 7 1 1", "%output %0 x", ""]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(feed(text), [Note::Reply(Ok(lines))]);
        let text = "%begin 7 2 1\ncan't find pane: %9\n%error 7 2 1\n";
        let why = "can't find pane: %9".to_owned();
        assert_eq!(feed(text), [Note::Reply(Err(why))]);
    }

    #[test]
    fn lines_arrive_in_pieces() {
        let mut parser = Parser::default();
        assert_eq!(parser.feed(b"%sessions-ch"), []);
        assert_eq!(parser.feed(b"anged\n%ex"), [Note::Changed]);
        assert_eq!(parser.feed(b"it\n"), [Note::Exit]);
    }

    #[test]
    fn t14_output_tells_whether_bracketed_paste_is_on() {
        for (text, expected) in [
            ("hello", None),
            ("\\033[?2004h$ ", Some(true)),
            ("\\033[?2004h$ ls\\015\\012\\033[?2004lx", Some(false)),
            ("\\033[?25;2004hx\\033[?25l", Some(true)),
            ("\\033[?20045h", None),
            ("\\033[?2004", None),
        ] {
            let notes = feed(&format!("%output %12 {text}\n"));
            let pane = "%12".to_owned();
            assert_eq!(
                notes,
                [Note::Output {
                    pane,
                    pasting: expected
                }],
                "{text}"
            );
        }
    }
}
