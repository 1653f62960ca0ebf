//! The way through a parsed command: which programs run, with which words, in
//! which folders.

use std::path::{Path, PathBuf};

use brush_parser::ast::{
    self, AndOr, AndOrList, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand,
    CompoundList, IoFileRedirectKind as Kind, IoFileRedirectTarget as Target, IoRedirect, Pipeline,
    SeparatorOperator, SimpleCommand, Word,
};
use brush_parser::{Parser, ParserOptions};

use super::words::{self, Meaning, path_in};
use super::{Judged, Unsure, Written, program};

/// Commands in commands are followed so deep.
const DEEPEST: usize = 6;

/// What is known on the way.
pub(super) struct Walk<'a> {
    home: Option<&'a Path>,
    /// The folders in which the next program may run: more than one where a
    /// `cd` may or may not have been done.
    pub(super) folders: Vec<PathBuf>,
    /// Whether the folder cannot be told any more.
    pub(super) lost: bool,
    functions: Vec<String>,
    depth: usize,
    judged: Judged,
}

/// Judges a command inside others that are so deep.
pub(super) fn judge(command: &str, folder: &Path, home: Option<&Path>, depth: usize) -> Judged {
    let mut walk = Walk {
        home,
        folders: vec![folder.to_owned()],
        lost: false,
        functions: Vec::new(),
        depth,
        judged: Judged::default(),
    };
    walk.script(command);
    walk.judged
}

impl Walk<'_> {
    /// A command as text.
    pub(super) fn script(&mut self, command: &str) {
        if self.depth > DEEPEST {
            return self.unsure("commands inside commands");
        }
        self.depth += 1;
        let options = ParserOptions::default();
        match Parser::new(command.as_bytes(), &options).parse_program() {
            Ok(program) => program
                .complete_commands
                .iter()
                .for_each(|list| self.list(list)),
            Err(_) => self.unsure("a command that cannot be parsed"),
        }
        self.depth -= 1;
    }

    fn list(&mut self, list: &CompoundList) {
        for item in &list.0 {
            match item.1 {
                // Behind a `&` it runs beside what follows, in a shell of its own.
                SeparatorOperator::Async => self.apart(|walk| walk.and_or(&item.0)),
                SeparatorOperator::Sequence => self.and_or(&item.0),
            }
        }
    }

    fn and_or(&mut self, list: &AndOrList) {
        self.pipeline(&list.first);
        for next in &list.additional {
            let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = next;
            self.perhaps(|walk| walk.pipeline(pipeline));
        }
    }

    /// Something that may or may not be run.
    fn perhaps(&mut self, run: impl FnOnce(&mut Self)) {
        let before = self.folders.clone();
        run(self);
        let after = std::mem::take(&mut self.folders);
        self.folders = before;
        for folder in after {
            if !self.folders.contains(&folder) {
                self.folders.push(folder);
            }
        }
        if self.folders.len() > 16 {
            self.lost = true;
        }
    }

    /// Something that is run in a shell of its own.
    pub(super) fn apart(&mut self, run: impl FnOnce(&mut Self)) {
        let before = (self.folders.clone(), self.lost);
        run(self);
        (self.folders, self.lost) = before;
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        match pipeline.seq.as_slice() {
            [one] => self.command(one),
            several => several
                .iter()
                .for_each(|command| self.apart(|walk| walk.command(command))),
        }
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Simple(simple) => self.simple(simple),
            Command::Compound(compound, redirects) => {
                self.redirects(redirects.as_ref());
                self.compound(compound);
            }
            Command::Function(function) => {
                self.functions.push(function.fname.value.clone());
                self.redirects(function.body.1.as_ref());
                self.perhaps(|walk| walk.compound(&function.body.0));
            }
            Command::ExtendedTest(test, redirects) => {
                self.redirects(redirects.as_ref());
                self.commands_in(&test.to_string());
            }
        }
    }

    fn compound(&mut self, compound: &CompoundCommand) {
        match compound {
            CompoundCommand::Arithmetic(arithmetic) => self.commands_in(&arithmetic.to_string()),
            CompoundCommand::ArithmeticForClause(clause) => {
                self.perhaps(|walk| walk.list(&clause.body.list));
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list),
            CompoundCommand::Subshell(shell) => self.apart(|walk| walk.list(&shell.list)),
            CompoundCommand::ForClause(clause) => {
                clause
                    .values
                    .iter()
                    .flatten()
                    .for_each(|word| drop(self.word(word)));
                self.perhaps(|walk| walk.list(&clause.body.list));
            }
            CompoundCommand::CaseClause(clause) => self.case(clause),
            CompoundCommand::IfClause(clause) => self.branches(clause),
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0);
                self.perhaps(|walk| walk.list(&clause.1.list));
            }
            CompoundCommand::Coprocess(process) => self.apart(|walk| walk.command(&process.body)),
        }
    }

    fn case(&mut self, clause: &ast::CaseClauseCommand) {
        self.word(&clause.value);
        for case in &clause.cases {
            if let Some(list) = &case.cmd {
                self.perhaps(|walk| walk.list(list));
            }
        }
    }

    fn branches(&mut self, clause: &ast::IfClauseCommand) {
        self.list(&clause.condition);
        self.perhaps(|walk| walk.list(&clause.then));
        for other in clause.elses.iter().flatten() {
            if let Some(condition) = &other.condition {
                self.perhaps(|walk| walk.list(condition));
            }
            self.perhaps(|walk| walk.list(&other.body));
        }
    }

    fn simple(&mut self, simple: &SimpleCommand) {
        let mut heredoc = None;
        let mut argv = Vec::new();
        let before = simple.prefix.iter().flat_map(|prefix| &prefix.0);
        for item in before {
            self.item(item, &mut argv, &mut heredoc);
        }
        argv.clear(); // Assignments before the name are no arguments.
        argv.extend(simple.word_or_name.as_ref().map(|name| self.word(name)));
        let after = simple.suffix.iter().flat_map(|suffix| &suffix.0);
        for item in after {
            self.item(item, &mut argv, &mut heredoc);
        }
        if !argv.is_empty() {
            program::judge(self, &argv, heredoc.as_deref());
        }
    }

    fn item(&mut self, item: &Item, argv: &mut Vec<Meaning>, heredoc: &mut Option<String>) {
        match item {
            Item::Word(word) | Item::AssignmentWord(_, word) => argv.push(self.word(word)),
            Item::IoRedirect(redirect) => {
                if let IoRedirect::HereDocument(_, document) = redirect {
                    *heredoc = Some(document.doc.value.clone());
                }
                self.redirect(redirect);
            }
            Item::ProcessSubstitution(_, shell) => {
                self.apart(|walk| walk.list(&shell.list));
                argv.push(Meaning::Text("/dev/fd/63".to_owned()));
            }
        }
    }

    fn redirects(&mut self, list: Option<&ast::RedirectList>) {
        for redirect in list.iter().flat_map(|list| &list.0) {
            self.redirect(redirect);
        }
    }

    fn redirect(&mut self, redirect: &IoRedirect) {
        match redirect {
            IoRedirect::File(_, kind, target) => self.file_redirect(kind, target),
            IoRedirect::OutputAndError(word, _) => self.written_word(word),
            IoRedirect::HereString(_, word) => drop(self.word(word)),
            IoRedirect::HereDocument(_, document) if document.requires_expansion => {
                let read = words::read_heredoc(&document.doc.value);
                self.run_all(read.commands);
            }
            IoRedirect::HereDocument(..) => {}
        }
    }

    fn file_redirect(&mut self, kind: &Kind, target: &Target) {
        let reads = matches!(kind, Kind::Read | Kind::DuplicateInput);
        match target {
            Target::Fd(_) => {}
            Target::ProcessSubstitution(_, shell) => self.apart(|walk| walk.list(&shell.list)),
            Target::Duplicate(word) if is_descriptor(&word.value) => {}
            Target::Filename(word) | Target::Duplicate(word) if reads => drop(self.word(word)),
            Target::Filename(word) | Target::Duplicate(word) => self.written_word(word),
        }
    }

    fn written_word(&mut self, word: &Word) {
        let meaning = self.word(word);
        self.writes(&meaning);
    }

    fn word(&mut self, word: &Word) -> Meaning {
        let folder = self
            .folders
            .first()
            .filter(|_| self.folders.len() == 1 && !self.lost);
        let read = words::read(word, self.home, folder.map(PathBuf::as_path));
        self.run_all(read.commands);
        read.meaning
    }

    fn commands_in(&mut self, text: &str) {
        if text.contains("$(") || text.contains('`') {
            self.unsure("a command in an expression");
        }
    }

    fn run_all(&mut self, commands: Vec<String>) {
        for command in commands {
            self.apart(|walk| walk.script(&command));
        }
    }

    /// Where the user's own files are.
    pub(super) fn home(&self) -> Option<&Path> {
        self.home
    }

    /// Whether the command defined a function of that name.
    pub(super) fn is_function(&self, name: &str) -> bool {
        self.functions.iter().any(|known| known == name)
    }

    /// A file or folder is written.
    pub(super) fn writes(&mut self, what: &Meaning) {
        match what {
            Meaning::Text(text) | Meaning::Pattern(text) => self.writes_path(text),
            Meaning::Unknown => self.unsure("a path that is only known when it runs"),
        }
    }

    fn writes_path(&mut self, text: &str) {
        if is_device(text) {
            return;
        }
        if self.lost && !Path::new(text).is_absolute() {
            return self.unsure("a path in a folder that is only known when it runs");
        }
        for folder in self.folders.clone() {
            self.note(Written::Path(path_in(&folder, text)));
        }
    }

    /// The work tree around a folder is written; none: around where it runs.
    pub(super) fn writes_tree(&mut self, folder: Option<&str>) {
        let absolute = folder.is_some_and(|folder| Path::new(folder).is_absolute());
        if self.lost && !absolute {
            return self.unsure("a folder that is only known when it runs");
        }
        for base in self.folders.clone() {
            self.note(Written::Tree(path_in(&base, folder.unwrap_or("."))));
        }
    }

    fn note(&mut self, written: Written) {
        if !self.judged.writes.contains(&written) {
            self.judged.writes.push(written);
        }
    }

    /// Something that may write anything where it runs.
    pub(super) fn unsure(&mut self, what: &str) {
        for folder in self.folders.clone() {
            let unsure = Unsure {
                what: what.to_owned(),
                folder,
            };
            if !self.judged.unsure.contains(&unsure) {
                self.judged.unsure.push(unsure);
            }
        }
    }

    /// The folder changes. One that is not there may be made before, or the
    /// change may fail: both are thought of.
    pub(super) fn goes_to(&mut self, folder: Option<&str>) {
        let Some(folder) = folder else {
            self.lost = true;
            return;
        };
        let mut next: Vec<PathBuf> = Vec::new();
        for base in &self.folders {
            let to = path_in(base, folder);
            if !to.is_dir() {
                next.push(base.clone());
            }
            next.push(to);
        }
        next.dedup();
        self.folders = next;
    }
}

/// `2`, `-`, `2-`: no file.
fn is_descriptor(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '-')
}

fn is_device(text: &str) -> bool {
    const FREE: [&str; 6] = [
        "/dev/null",
        "/dev/stdout",
        "/dev/stderr",
        "/dev/tty",
        "/dev/zero",
        "/dev/full",
    ];
    FREE.contains(&text) || text.starts_with("/dev/fd/")
}
