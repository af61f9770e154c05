//! Ctrl-C and SIGTERM: the first stops in order, the second at once.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::{Exit, Failure};

/// Cancels `stop` on the first signal. Must be called inside the runtime.
pub fn on_signals(stop: CancellationToken) -> Result<(), Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::new(Exit::Failed, format!("cannot await signals: {error}")));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    tokio::spawn(async move {
        next(&mut interrupt, &mut terminate).await;
        tracing::info!("stopping: what was begun is finished first; interrupt again to stop at once");
        stop.cancel();
        next(&mut interrupt, &mut terminate).await;
        process::exit(i32::from(Exit::INTERRUPTED));
    });
    Ok(())
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
