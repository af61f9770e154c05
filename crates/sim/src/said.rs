//! What was said of one thing, such as a version's tags: the last word holds, and words said side by side may
//! have been heard in either order.

use std::collections::BTreeMap;

use crate::history::OpId;

/// The values that may hold now.
#[derive(Clone, Debug)]
pub struct Said<T> {
    possible: Vec<T>,
    /// Not answered yet, or never.
    open: BTreeMap<OpId, Word<T>>,
    /// Everything that anybody began to say, in that order.
    begun: Vec<T>,
}

#[derive(Clone, Debug)]
struct Word<T> {
    value: T,
    /// What was answered meanwhile, which may have been heard later all the same.
    beside: Vec<T>,
}

/// A look that began: what may be seen, and how much was begun before.
#[derive(Clone, Debug)]
pub struct Look<T> {
    possible: Vec<T>,
    begun: usize,
}

impl<T: Clone + PartialEq> Said<T> {
    pub fn new(first: T) -> Said<T> {
        Said { possible: vec![first], open: BTreeMap::new(), begun: Vec::new() }
    }

    /// What another thing was made with, which took along what held of this one between the look and now.
    pub fn taken_along(&self, look: &Look<T>) -> Said<T> {
        let possible = look.possible.iter().chain(self.begun.iter().skip(look.begun)).cloned().collect();
        Said { possible, open: BTreeMap::new(), begun: Vec::new() }
    }

    pub fn begin(&mut self, op: OpId, value: T) {
        self.begun.push(value.clone());
        self.open.insert(op, Word { value, beside: Vec::new() });
    }

    /// It was heard; what was said before by those who were answered before it began is over.
    pub fn heard(&mut self, op: OpId) {
        let Some(Word { value, beside }) = self.open.remove(&op) else { return };
        self.open.values_mut().for_each(|word| word.beside.push(value.clone()));
        self.possible = beside;
        self.possible.push(value);
    }

    /// It was refused, so nobody heard it.
    pub fn refused(&mut self, op: OpId) {
        self.open.remove(&op);
    }

    /// What was not answered was heard by now, or never will be.
    pub fn settle(&mut self) {
        self.possible = self.may_hold();
        self.open.clear();
        self.begun.clear();
    }

    pub fn look(&self) -> Look<T> {
        Look { possible: self.may_hold(), begun: self.begun.len() }
    }

    /// Whether a look that began then may see this now.
    pub fn may_be(&self, look: &Look<T>, seen: &T) -> bool {
        self.may(look, |value| value == seen)
    }

    /// Whether a look that began then may see what this holds for.
    pub fn may(&self, look: &Look<T>, holds: impl Fn(&T) -> bool) -> bool {
        look.possible.iter().chain(self.begun.iter().skip(look.begun)).any(holds)
    }

    fn may_hold(&self) -> Vec<T> {
        self.possible.iter().chain(self.open.values().map(|word| &word.value)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_be(said: &Said<u8>, seen: u8) -> bool {
        said.may_be(&said.look(), &seen)
    }

    #[test]
    fn the_last_word_holds() {
        let mut said = Said::new(0);
        said.begin(1, 10);
        assert!(may_be(&said, 0) && may_be(&said, 10));
        said.heard(1);
        assert!(!may_be(&said, 0) && may_be(&said, 10));
        said.begin(2, 20);
        said.refused(2);
        assert!(!may_be(&said, 20));
    }

    #[test]
    fn words_side_by_side_are_heard_in_either_order() {
        let mut said = Said::new(0);
        said.begin(1, 10);
        said.begin(2, 20);
        said.heard(2);
        said.heard(1);
        assert!(may_be(&said, 10) && may_be(&said, 20) && !may_be(&said, 0));
    }

    #[test]
    fn a_word_without_an_answer_may_come_late_until_all_is_settled() {
        let mut said = Said::new(0);
        said.begin(1, 10);
        said.begin(2, 20);
        said.heard(2);
        assert!(may_be(&said, 10) && may_be(&said, 20));
        said.settle();
        assert!(may_be(&said, 10) && may_be(&said, 20));
        said.begin(3, 30);
        said.heard(3);
        assert!(may_be(&said, 30) && !may_be(&said, 10));
    }

    #[test]
    fn a_look_may_see_what_is_said_while_it_looks() {
        let mut said = Said::new(0);
        let look = said.look();
        said.begin(1, 10);
        said.heard(1);
        assert!(said.may_be(&look, &0) && said.may_be(&look, &10) && !said.may_be(&look, &20));
        let other = said.taken_along(&look);
        assert!(may_be(&other, 0) && may_be(&other, 10) && !may_be(&other, 20));
    }
}
