//! The way through a parsed command: which programs run, with which words, in
//! which folders.

use std::path::{Component, Path, PathBuf};

use brush_parser::ast::{
    self, AndOr, AndOrList, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand,
    CompoundList, IoFileRedirectKind as Kind, IoFileRedirectTarget as Target, IoRedirect, Pipeline,
    SeparatorOperator, SimpleCommand, Word,
};
use brush_parser::{Parser, ParserOptions};

use super::functions::Functions;
use super::notes::{Here, Notes};
use super::words::{self, Meaning};
use super::{Judged, program};

/// Commands in commands are followed so deep.
const DEEPEST: usize = 6;
/// A `cd` that may or may not have been done leads to at most so many folders.
const MOST_FOLDERS: usize = 16;

/// What is known on the way.
pub(super) struct Walk<'a> {
    home: Option<&'a Path>,
    pub(super) here: Here,
    /// Variables by which git is told where it acts.
    pub(super) git_places: Vec<(String, Meaning)>,
    pub(super) functions: Functions,
    /// How many choices lie between the command and what is looked at.
    pub(super) choices: usize,
    /// Whether the text holds `( (`, which the parser takes for `((`.
    has_shells_in_shells: bool,
    depth: usize,
    pub(super) notes: Notes,
}

/// One program as it is called.
#[derive(Default)]
pub(super) struct Called {
    /// Variables that are set for it alone.
    pub assigned: Vec<(String, Meaning)>,
    /// Its name and its words.
    pub argv: Vec<Meaning>,
    /// What it reads, where that stands in the command.
    pub input: Option<String>,
}

/// Judges a command.
pub(super) fn judge(command: &str, folder: &Path, home: Option<&Path>) -> Judged {
    let mut walk = Walk {
        home,
        here: Here {
            folders: vec![folder.to_owned()],
            lost: false,
        },
        git_places: Vec::new(),
        functions: Functions::default(),
        choices: 0,
        has_shells_in_shells: false,
        depth: 0,
        notes: Notes::new(home),
    };
    walk.script(command);
    walk.notes.end()
}

impl Walk<'_> {
    /// A command as text.
    pub(super) fn script(&mut self, command: &str) {
        self.deeper(|walk| {
            let before = walk.has_shells_in_shells;
            walk.has_shells_in_shells = before || has_shells_in_shells(command);
            let options = ParserOptions::default();
            match Parser::new(command.as_bytes(), &options).parse_program() {
                Ok(program) => program
                    .complete_commands
                    .iter()
                    .for_each(|list| walk.list(list)),
                Err(_) => {
                    walk.unsure("a command that cannot be parsed");
                    walk.name(command);
                    // It may have been cut out of a word at the wrong place.
                    walk.notes.loose();
                }
            }
            walk.has_shells_in_shells = before;
        });
    }

    /// The same in another shell, which knows nothing of this one.
    pub(super) fn other_shell(&mut self, command: &str) {
        self.apart(|walk| {
            walk.functions = Functions::default();
            walk.script(command);
        });
    }

    pub(super) fn deeper(&mut self, run: impl FnOnce(&mut Self)) {
        if self.depth > DEEPEST {
            self.notes.loose();
            return self.unsure("commands inside commands");
        }
        self.depth += 1;
        run(self);
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

    /// What follows `&&` runs where all before it were done; behind the list
    /// any of them may not have been.
    fn and_or(&mut self, list: &AndOrList) {
        self.pipeline(&list.first);
        let mut left = Vec::new();
        for next in &list.additional {
            match next {
                AndOr::And(pipeline) => {
                    left.push(self.here.clone());
                    self.chosen(|walk| walk.pipeline(pipeline));
                }
                AndOr::Or(pipeline) => self.perhaps(|walk| walk.pipeline(pipeline)),
            }
        }
        left.iter().for_each(|here| self.or_there(here));
    }

    fn chosen(&mut self, run: impl FnOnce(&mut Self)) {
        self.choices += 1;
        run(self);
        self.choices -= 1;
    }

    /// Something that may or may not be run.
    fn perhaps(&mut self, run: impl FnOnce(&mut Self)) {
        let before = self.here.clone();
        self.chosen(run);
        self.or_there(&before);
    }

    /// Something that may be run several times.
    fn again(&mut self, run: impl FnOnce(&mut Self)) {
        let before = self.here.clone();
        self.perhaps(run);
        self.here.lost |= self.here != before;
    }

    fn or_there(&mut self, other: &Here) {
        for folder in &other.folders {
            if !self.here.folders.contains(folder) {
                self.here.folders.push(folder.clone());
            }
        }
        self.here.lost |= other.lost;
        self.mind_the_number();
    }

    fn mind_the_number(&mut self) {
        if self.here.folders.len() > MOST_FOLDERS {
            self.here.folders.truncate(MOST_FOLDERS);
            self.here.lost = true;
        }
    }

    /// Something that is run in a shell of its own.
    pub(super) fn apart(&mut self, run: impl FnOnce(&mut Self)) {
        let here = self.here.clone();
        let (functions, places) = (self.functions.clone(), self.git_places.clone());
        run(self);
        (self.here, self.functions, self.git_places) = (here, functions, places);
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
                self.define(&function.fname.value, &function.body);
            }
            Command::ExtendedTest(test, redirects) => {
                self.redirects(redirects.as_ref());
                self.commands_in(&test.to_string());
            }
        }
    }

    pub(super) fn compound(&mut self, compound: &CompoundCommand) {
        match compound {
            CompoundCommand::Arithmetic(arithmetic) => {
                self.commands_in(&arithmetic.to_string());
                let text = arithmetic.expr.value.clone();
                if self.has_shells_in_shells || words::is_no_arithmetic(&text) {
                    self.apart(|walk| walk.script(&text));
                }
            }
            CompoundCommand::ArithmeticForClause(clause) => {
                self.commands_in(&clause.to_string());
                self.again(|walk| walk.list(&clause.body.list));
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list),
            CompoundCommand::Subshell(shell) => self.apart(|walk| walk.list(&shell.list)),
            CompoundCommand::ForClause(clause) => {
                let values = clause.values.iter().flatten();
                values.for_each(|word| drop(self.words(word)));
                self.again(|walk| walk.list(&clause.body.list));
            }
            CompoundCommand::CaseClause(clause) => self.case(clause),
            CompoundCommand::IfClause(clause) => self.branches(clause),
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0);
                self.again(|walk| walk.list(&clause.1.list));
            }
            CompoundCommand::Coprocess(process) => self.apart(|walk| walk.command(&process.body)),
        }
    }

    fn case(&mut self, clause: &ast::CaseClauseCommand) {
        self.words(&clause.value);
        for case in &clause.cases {
            case.patterns.iter().for_each(|word| drop(self.words(word)));
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
        let mut called = Called::default();
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            match item {
                Item::AssignmentWord(assignment, _) => self.assignment(assignment, &mut called),
                item => self.item(item, &mut called),
            }
        }
        called.argv.clear();
        if let Some(name) = &simple.word_or_name {
            called.argv = self.words(name);
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut called);
        }
        if called.argv.is_empty() {
            for (name, value) in called.assigned {
                self.set(&name, value);
            }
        } else {
            program::judge(self, &called);
        }
    }

    fn assignment(&mut self, assignment: &ast::Assignment, called: &mut Called) {
        let name = assignment.name.to_string();
        self.commands_in(&name);
        match &assignment.value {
            ast::AssignmentValue::Scalar(value) => {
                let value = self.words(value).pop();
                let value = value.unwrap_or_else(Meaning::nobody_knows);
                called.assigned.push((name, value));
            }
            ast::AssignmentValue::Array(values) => {
                for (key, value) in values {
                    key.iter().for_each(|key| drop(self.words(key)));
                    self.words(value);
                }
            }
        }
    }

    /// A variable is set for all that follows; few of them matter.
    pub(super) fn set(&mut self, name: &str, value: Meaning) {
        if matches!(name, "GIT_DIR" | "GIT_WORK_TREE") {
            self.git_places.push((name.to_owned(), value));
        }
    }

    fn item(&mut self, item: &Item, called: &mut Called) {
        match item {
            Item::Word(word) | Item::AssignmentWord(_, word) => {
                let words = self.words(word);
                called.argv.extend(words);
            }
            Item::IoRedirect(redirect) => {
                called.input = self.redirect(redirect).or(called.input.take());
            }
            Item::ProcessSubstitution(_, shell) => {
                self.apart(|walk| walk.list(&shell.list));
                called.argv.push(Meaning::Text("/dev/fd/63".to_owned()));
            }
        }
    }

    pub(super) fn redirects(&mut self, list: Option<&ast::RedirectList>) {
        for redirect in list.iter().flat_map(|list| &list.0) {
            self.redirect(redirect);
        }
    }

    /// Gives the text that is read by it, where it stands in the command.
    fn redirect(&mut self, redirect: &IoRedirect) -> Option<String> {
        match redirect {
            IoRedirect::File(_, kind, target) => self.file_redirect(kind, target),
            IoRedirect::OutputAndError(word, _) => self.written_word(word),
            IoRedirect::HereString(_, word) => {
                let words = self.words(word);
                return words.first().map(|word| word.known().to_owned());
            }
            IoRedirect::HereDocument(_, document) => {
                let text = &document.doc.value;
                self.notes.mention(text, &self.here);
                if document.requires_expansion {
                    self.run_all(words::read_heredoc(text).commands);
                }
                return Some(text.clone());
            }
        }
        None
    }

    fn file_redirect(&mut self, kind: &Kind, target: &Target) {
        let reads = matches!(kind, Kind::Read | Kind::DuplicateInput);
        match target {
            Target::Fd(_) => {}
            Target::ProcessSubstitution(_, shell) => self.apart(|walk| walk.list(&shell.list)),
            Target::Duplicate(word) if is_descriptor(&word.value) => {}
            Target::Filename(word) | Target::Duplicate(word) if reads => drop(self.words(word)),
            Target::Filename(word) | Target::Duplicate(word) => self.written_word(word),
        }
    }

    fn written_word(&mut self, word: &Word) {
        let words = self.words(word);
        words.iter().for_each(|word| self.writes(word));
        if word.value == "!" {
            // zsh's `>! file`: the file is taken for a word of the program.
            self.notes.loose();
        }
    }

    /// What a word means; braces make several of it.
    fn words(&mut self, word: &Word) -> Vec<Meaning> {
        let folder = Some(&self.here).filter(|here| here.folders.len() == 1 && !here.lost);
        let folder = folder.map(|here| here.folders[0].as_path());
        let mut meanings = Vec::new();
        for read in words::read(word, self.home, folder) {
            if read.hides_commands {
                self.unsure("a command in an expression");
                self.name(&word.value);
            }
            self.run_all(read.commands);
            self.notes.mention(read.meaning.known(), &self.here);
            meanings.push(read.meaning);
        }
        if meanings.iter().any(|meaning| meaning.text().is_none()) {
            self.notes.mention(&word.value, &self.here);
        }
        meanings
    }

    fn commands_in(&mut self, text: &str) {
        if text.contains("$(") || text.contains('`') {
            self.unsure("a command in an expression");
            self.name(text);
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

    /// A file or folder is written.
    pub(super) fn writes(&mut self, what: &Meaning) {
        self.notes.writes(what, &self.here);
    }

    /// The work tree around where it runs is written.
    pub(super) fn writes_tree(&mut self) {
        self.notes.writes_tree(".", &self.here);
    }

    /// Something that may write anything where it runs.
    pub(super) fn unsure(&mut self, what: &str) {
        self.notes.unsure(what, &self.here);
    }

    /// It may write what stands in a text.
    pub(super) fn name(&mut self, text: &str) {
        self.notes.name(text, &self.here);
    }

    /// A program that may write anything where it runs, and what its words
    /// name.
    pub(super) fn unsure_of(&mut self, what: &str, words: &[Meaning]) {
        self.unsure(what);
        words.iter().for_each(|word| self.name(word.known()));
        // What is not known of its words may be anything that was mentioned.
        if words.iter().any(Meaning::is_unknown) {
            self.notes.loose();
        }
    }

    /// The folder changes, by its name as a shell goes by it. One that is not
    /// there may be made before, or the change may fail: both are thought of.
    pub(super) fn goes_to(&mut self, folder: Option<&str>, physically: bool) {
        let Some(folder) = folder else {
            self.here.lost = true;
            return;
        };
        let mut next: Vec<PathBuf> = Vec::new();
        for base in &self.here.folders {
            let to = match physically {
                true => base.join(folder),
                false => without_dots(&base.join(folder)),
            };
            if !to.is_dir() {
                next.push(base.clone());
            }
            next.push(to);
        }
        next.dedup();
        self.here.folders = next;
        self.here.lost &= !Path::new(folder).is_absolute();
        self.mind_the_number();
    }
}

/// A shell takes `link/..` for the folder that the link lies in.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

/// `( (rm x) )` is a shell in a shell, and no arithmetic.
fn has_shells_in_shells(command: &str) -> bool {
    let parts: Vec<&str> = command.split('(').collect();
    let between = parts.get(1..parts.len().saturating_sub(1));
    let is_blank = |part: &&str| !part.is_empty() && part.trim().is_empty();
    between.unwrap_or_default().iter().any(is_blank)
}

/// `2`, `-`, `2-`: no file.
fn is_descriptor(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '-')
}
