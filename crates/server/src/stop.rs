//! Ctrl-C and SIGTERM: the first stops in order, the second at once.

use std::{process, thread};

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

/// The same for a command that is no server: what it gives is asked between two steps.
pub fn watched() -> Result<CancellationToken, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, format!("cannot await signals: {error}")))?;
    let stop = CancellationToken::new();
    {
        let _inside = runtime.enter();
        on_signals(stop.clone())?;
    }
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(stop)
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
