//! Catch-up: what was acknowledged below its promise gets its missing pieces, before all other
//! work. Each walk is a repair.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::inner::Inner;

/// Catch-up looks by itself this often, whatever it is told.
const EVERY: Duration = Duration::from_secs(2);

impl Inner {
    pub(super) async fn catch_up_forever(self: &Arc<Self>) {
        loop {
            // The timer covers a signal that came while the last round ran.
            let _ = tokio::time::timeout(EVERY, self.catch_up.notified()).await;
            match self.repair(|_| {}).await {
                Ok(repaired) if repaired.pieces > 0 => info!(pieces = repaired.pieces, "caught up"),
                Ok(_) => {}
                Err(error) => warn!(%error, "catching up will be tried again"),
            }
        }
    }
}
