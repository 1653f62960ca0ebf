//! Functions and aliases that a command itself defines: judged where they are
//! called, with what is known there.

use std::collections::HashMap;
use std::sync::Arc;

use brush_parser::ast::FunctionBody;

use super::walk::Walk;

/// Names to which the command gave a meaning.
pub(super) type Functions = HashMap<String, Function>;

/// What such a name stands for.
#[derive(Clone)]
pub(super) struct Function {
    body: Body,
    /// Whether it surely has that meaning: else the program of that name may
    /// run.
    surely: bool,
}

#[derive(Clone)]
enum Body {
    Commands(Arc<FunctionBody>),
    Alias(String),
}

impl Walk<'_> {
    /// A function is defined.
    pub(super) fn define(&mut self, name: &str, body: &FunctionBody) {
        let function = Function {
            body: Body::Commands(Arc::new(body.clone())),
            surely: self.choices == 0,
        };
        self.functions.insert(name.to_owned(), function);
    }

    /// A name stands for a text from now on, if the shell goes by aliases.
    pub(super) fn alias(&mut self, name: &str, text: &str) {
        let function = Function {
            body: Body::Alias(text.to_owned()),
            surely: false,
        };
        self.functions.insert(name.to_owned(), function);
    }

    /// Runs what the command itself called so. Whether that is all.
    pub(super) fn call(&mut self, name: &str) -> bool {
        let Some(function) = self.functions.get(name).cloned() else {
            return false;
        };
        self.deeper(|walk| match &function.body {
            Body::Commands(body) => {
                walk.redirects(body.1.as_ref());
                walk.compound(&body.0);
            }
            // It is not expanded inside its own text.
            Body::Alias(text) => {
                let own = walk.functions.remove(name);
                walk.script(text);
                if let Some(own) = own {
                    walk.functions.entry(name.to_owned()).or_insert(own);
                }
            }
        });
        function.surely
    }
}
