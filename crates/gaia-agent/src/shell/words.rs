//! Words of a command: what they mean where that can be told without running
//! anything.

use std::path::{Path, PathBuf};

use brush_parser::ast::Word;
use brush_parser::word::{self, Parameter, ParameterExpr, SpecialParameter, TildeExpr, WordPiece};
use brush_parser::{ParserOptions, WordParseError};

use super::braces;

/// Stands for a part of which nothing is known.
pub(super) const ANYTHING: char = '\u{FFFC}';

/// What a word means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// This text.
    Text(String),
    /// Names in this folder: the part before the first pattern.
    Pattern(String),
    /// Nobody knows the whole.
    Unknown {
        /// What stands before the first part that is unknown.
        start: String,
        /// The whole, with a 0 for each part that is a number, and
        /// [`ANYTHING`] for each of which not even that is known.
        filled: String,
    },
}

impl Meaning {
    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Meaning::Text(text) => Some(text),
            Meaning::Pattern(_) | Meaning::Unknown { .. } => None,
        }
    }

    /// What is known of it.
    pub(super) fn known(&self) -> &str {
        match self {
            Meaning::Text(text) | Meaning::Pattern(text) | Meaning::Unknown { start: text, .. } => {
                text
            }
        }
    }

    /// It begins so, and nobody knows how it goes on.
    pub(super) fn begins(start: &str) -> Self {
        Meaning::Unknown {
            start: start.to_owned(),
            filled: format!("{start}{ANYTHING}"),
        }
    }

    /// Nothing is known of it.
    pub(super) fn nobody_knows() -> Self {
        Self::begins("")
    }

    /// What stands behind so many bytes of what is known of it.
    pub(super) fn behind(&self, bytes: usize) -> Self {
        let cut = |text: &str| text.get(bytes..).unwrap_or_default().to_owned();
        match self {
            Meaning::Text(text) => Meaning::Text(cut(text)),
            Meaning::Pattern(text) => Meaning::Pattern(cut(text)),
            Meaning::Unknown { start, filled } => Meaning::Unknown {
                start: cut(start),
                filled: cut(filled),
            },
        }
    }

    /// Whether a part of it is only known when it runs.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Meaning::Unknown { .. })
    }

    /// Whether it is an option (or may be one).
    pub(super) fn is_option(&self) -> bool {
        self.text()
            .is_some_and(|text| text.len() > 1 && text.starts_with('-'))
    }
}

/// A word as read: its meaning, and the commands that are run to make it.
pub(super) struct Read {
    pub meaning: Meaning,
    pub commands: Vec<String>,
    /// Whether there are more of them, in an expression out of which they
    /// cannot be taken.
    pub hides_commands: bool,
}

/// Reads a word in folders that are known to be possible; braces make several
/// of it.
pub(super) fn read(word: &Word, home: Option<&Path>, folder: Option<&Path>) -> Vec<Read> {
    match braces::expanded(&word.value) {
        Some(texts) => texts
            .iter()
            .map(|text| read_text(text, home, folder))
            .collect(),
        None => vec![read_text(&word.value, home, folder)],
    }
}

fn read_text(text: &str, home: Option<&Path>, folder: Option<&Path>) -> Read {
    let parsed = word::parse(text, &ParserOptions::default());
    of_pieces(parsed, home, folder)
}

/// The text of a here-document in which variables and commands are expanded.
pub(super) fn read_heredoc(text: &str) -> Read {
    of_pieces(
        word::parse_heredoc(text, &ParserOptions::default()),
        None,
        None,
    )
}

fn of_pieces(
    parsed: Result<Vec<word::WordPieceWithSource>, WordParseError>,
    home: Option<&Path>,
    folder: Option<&Path>,
) -> Read {
    let mut reader = Reader {
        text: String::new(),
        pattern: None,
        unknown: None,
        commands: Vec::new(),
        hides_commands: false,
        home,
        folder,
    };
    match parsed {
        Ok(pieces) => pieces
            .into_iter()
            .for_each(|piece| reader.piece(piece.piece, false)),
        Err(_) => reader.is_unknown(),
    }
    let at = reader.pattern.unwrap_or(usize::MAX);
    Read {
        meaning: match (reader.unknown, reader.pattern) {
            (Some(until), _) => {
                let filled = reader.text.clone();
                reader.text.truncate(until.min(at));
                Meaning::Unknown {
                    start: reader.text,
                    filled,
                }
            }
            (None, Some(at)) => Meaning::Pattern(before(&reader.text, at)),
            (None, None) => Meaning::Text(reader.text),
        },
        commands: reader.commands,
        hides_commands: reader.hides_commands,
    }
}

/// The folder part of a path before the name that holds a pattern.
fn before(text: &str, at: usize) -> String {
    let head = text.get(..at).unwrap_or_default();
    head.rfind('/')
        .map_or_else(String::new, |slash| head[..=slash].to_owned())
}

struct Reader<'a> {
    text: String,
    /// Where the first pattern begins.
    pattern: Option<usize>,
    /// Where the first part begins that nobody knows.
    unknown: Option<usize>,
    commands: Vec<String>,
    hides_commands: bool,
    home: Option<&'a Path>,
    folder: Option<&'a Path>,
}

impl Reader<'_> {
    fn piece(&mut self, piece: WordPiece, quoted: bool) {
        match piece {
            WordPiece::Text(text) => self.plain(&text, quoted),
            WordPiece::SingleQuotedText(text) => self.text.push_str(&text),
            WordPiece::EscapeSequence(text) => {
                self.text.push_str(text.strip_prefix('\\').unwrap_or(&text));
            }
            WordPiece::DoubleQuotedSequence(pieces)
            | WordPiece::GettextDoubleQuotedSequence(pieces) => {
                pieces
                    .into_iter()
                    .for_each(|piece| self.piece(piece.piece, true));
            }
            WordPiece::TildeExpansion(TildeExpr::Home) => self.place(self.home),
            WordPiece::TildeExpansion(TildeExpr::WorkingDir) => self.place(self.folder),
            WordPiece::CommandSubstitution(command)
            | WordPiece::BackquotedCommandSubstitution(command) => {
                self.commands.push(command);
                self.is_unknown();
            }
            WordPiece::ParameterExpansion(expression) => self.parameter(&expression),
            WordPiece::ArithmeticExpression(expression) => {
                self.commands_in(&expression.to_string());
                if is_no_arithmetic(&expression.value) {
                    self.commands.push(expression.value);
                }
                self.is_number();
            }
            WordPiece::AnsiCQuotedText(_) | WordPiece::TildeExpansion(_) => self.is_unknown(),
        }
    }

    fn is_unknown(&mut self) {
        self.unknown.get_or_insert(self.text.len());
        self.text.push(ANYTHING);
    }

    fn is_number(&mut self) {
        self.unknown.get_or_insert(self.text.len());
        self.text.push('0');
    }

    fn plain(&mut self, text: &str, quoted: bool) {
        let pattern = |c: char| matches!(c, '*' | '?' | '[');
        if let (false, None, Some(at)) = (quoted, self.pattern, text.find(pattern)) {
            self.pattern = Some(self.text.len() + at);
        }
        self.text.push_str(text);
    }

    fn place(&mut self, place: Option<&Path>) {
        match place.and_then(Path::to_str) {
            Some(place) => self.text.push_str(place),
            None => self.is_unknown(),
        }
    }

    fn parameter(&mut self, expression: &ParameterExpr) {
        let named = match expression {
            ParameterExpr::Parameter {
                parameter: Parameter::Named(name),
                indirect: false,
            } => name.as_str(),
            _ => "",
        };
        match named {
            "HOME" => self.place(self.home),
            "PWD" => self.place(self.folder),
            _ if is_number(expression) => self.is_number(),
            _ => self.is_unknown(),
        }
        // A default may run a command: ${X:-$(rm y)}. It stands in the text of
        // the expression, which is looked through as words are.
        self.commands_in(&format!("{expression:?}"));
    }

    fn commands_in(&mut self, text: &str) {
        if text.contains("$(") || text.contains('`') {
            self.hides_commands = true;
        }
    }
}

/// `${#x}`, `$#`, `$?`: whatever it is, it is a number.
fn is_number(expression: &ParameterExpr) -> bool {
    use SpecialParameter::{
        LastBackgroundProcessId, LastExitStatus, PositionalParameterCount, ProcessId,
    };
    match expression {
        ParameterExpr::ParameterLength { .. } => true,
        ParameterExpr::Parameter {
            parameter: Parameter::Special(special),
            indirect: false,
        } => matches!(
            special,
            LastBackgroundProcessId | LastExitStatus | PositionalParameterCount | ProcessId
        ),
        _ => false,
    }
}

/// `$(( (rm x); ls ))` is taken for arithmetic by the parser; shells differ.
pub(super) fn is_no_arithmetic(text: &str) -> bool {
    text.contains([';', '\n', '`'])
}

/// A path as a command means it in one folder.
pub(super) fn path_in(folder: &Path, text: &str) -> PathBuf {
    folder.join(if text.is_empty() { "." } else { text })
}
