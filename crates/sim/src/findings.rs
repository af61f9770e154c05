//! What was found wrong.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Everything that was found; the first one ends a run.
#[derive(Default)]
pub struct Findings(Mutex<Vec<String>>);

impl Findings {
    pub fn add(&self, finding: String) {
        self.all().push(finding);
    }

    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.all())
    }

    fn all(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
