//! Writer epochs: each start and each day opens one; an old one closes when nothing that began in
//! it is under way. Only pieces of closed epochs are ever swept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::Epoch;

#[derive(Default)]
struct State {
    current: Epoch,
    /// Work under way by the epoch it began in.
    under_way: BTreeMap<Epoch, usize>,
}

#[derive(Clone, Default)]
pub struct Epochs(Arc<Mutex<State>>);

/// Work that began in an epoch and keeps it open.
pub struct Term {
    epoch: Epoch,
    epochs: Epochs,
}

impl Epochs {
    /// From now on work begins in `epoch`.
    pub fn enter(&self, epoch: Epoch) {
        let mut state = self.state();
        state.current = state.current.max(epoch);
    }

    /// Begins work in the current epoch.
    pub fn begin(&self) -> Term {
        let mut state = self.state();
        let epoch = state.current;
        *state.under_way.entry(epoch).or_default() += 1;
        Term { epoch, epochs: self.clone() }
    }

    /// Every epoch below this one has nothing under way.
    pub fn quiet_below(&self) -> Epoch {
        let state = self.state();
        state.under_way.keys().next().copied().unwrap_or(state.current).min(state.current)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Term {
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        let mut state = self.epochs.state();
        if let Some(count) = state.under_way.get_mut(&self.epoch) {
            *count -= 1;
            if *count == 0 {
                state.under_way.remove(&self.epoch);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_quiet_only_when_all_that_began_in_it_ended() {
        let epochs = Epochs::default();
        epochs.enter(Epoch(3));
        let (first, second) = (epochs.begin(), epochs.begin());
        epochs.enter(Epoch(4));
        assert_eq!(epochs.quiet_below(), Epoch(3));
        drop(first);
        assert_eq!(epochs.quiet_below(), Epoch(3));
        drop(second);
        assert_eq!(epochs.quiet_below(), Epoch(4));
        assert_eq!(epochs.begin().epoch(), Epoch(4));
    }
}
