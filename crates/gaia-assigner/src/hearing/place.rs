//! Where a call would write, as whoever sees the files has resolved it.

use serde::{Deserialize, Serialize};

/// Where a write lands. `F`: a folder, or one on its way through a wire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place<F> {
    /// What is written.
    pub target: F,
    /// What is locked for it, if anything.
    pub lock: Option<Tree<F>>,
    /// A linked work tree that is made there, inside the one it comes from.
    pub fresh: Option<F>,
}

/// What is locked for a write.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree<F> {
    /// The folder.
    pub folder: F,
    /// Whether it is a linked work tree.
    pub linked: bool,
    /// Linked work trees inside it, which are folders of their own.
    pub spares: Vec<F>,
}

/// What a call would write, as places.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted<F> {
    /// What it surely writes.
    pub writes: Vec<Place<F>>,
    /// What cannot be judged, and where it may write.
    pub unsure: Vec<(String, Place<F>)>,
    /// Where it may write besides.
    pub named: Vec<Place<F>>,
}

impl<F> Default for Wanted<F> {
    fn default() -> Self {
        Self {
            writes: Vec::new(),
            unsure: Vec::new(),
            named: Vec::new(),
        }
    }
}

impl<F> Wanted<F> {
    /// All places.
    pub fn places(&self) -> impl Iterator<Item = &Place<F>> {
        let unsure = self.unsure.iter().map(|(_, place)| place);
        self.writes.iter().chain(unsure).chain(&self.named)
    }

    /// The same with folders of another kind.
    pub(super) fn with<G, E>(self, turn: &impl Fn(F) -> Result<G, E>) -> Result<Wanted<G>, E> {
        let all = |places: Vec<Place<F>>| -> Result<Vec<Place<G>>, E> {
            places.into_iter().map(|place| place.with(turn)).collect()
        };
        let unsure = self.unsure.into_iter();
        let unsure = unsure.map(|(what, place)| Ok((what, place.with(turn)?)));
        Ok(Wanted {
            unsure: unsure.collect::<Result<_, E>>()?,
            writes: all(self.writes)?,
            named: all(self.named)?,
        })
    }
}

impl<F> Place<F> {
    fn with<G, E>(self, turn: &impl Fn(F) -> Result<G, E>) -> Result<Place<G>, E> {
        Ok(Place {
            target: turn(self.target)?,
            lock: self.lock.map(|tree| tree.with(turn)).transpose()?,
            fresh: self.fresh.map(turn).transpose()?,
        })
    }
}

impl<F> Tree<F> {
    fn with<G, E>(self, turn: &impl Fn(F) -> Result<G, E>) -> Result<Tree<G>, E> {
        let spares = self.spares.into_iter().map(turn);
        Ok(Tree {
            folder: turn(self.folder)?,
            linked: self.linked,
            spares: spares.collect::<Result<_, E>>()?,
        })
    }
}
