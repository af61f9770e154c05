//! What began before is over: writes that may still land by an older view of sites or profiles are waited
//! for, and what they decided is shown.

use model::{Epoch, Number};

use crate::error::Error;
use crate::inner::Inner;

/// How far that is.
#[derive(Default)]
pub struct Before {
    /// Work that began before this epoch may have begun before.
    epoch: Option<Epoch>,
    /// Records up to this one may be that work's.
    through: Option<Number>,
}

impl Inner {
    /// Whether everything is over that was under way when this was first asked of `before`.
    pub async fn is_over(&self, before: &mut Before) -> Result<bool, Error> {
        let epoch = match before.epoch {
            Some(epoch) => epoch,
            None => {
                self.turn_epoch(true).await?;
                *before.epoch.insert(self.catalog.newest_epoch().await?)
            }
        };
        if self.epochs.quiet_below() < epoch {
            return Ok(false);
        }
        let unshown: Vec<Number> = self.catalog.unshown().await?.iter().map(|decided| decided.record.number).collect();
        let through = *before.through.get_or_insert_with(|| unshown.iter().copied().max().unwrap_or_default());
        Ok(unshown.iter().all(|number| *number > through))
    }
}
