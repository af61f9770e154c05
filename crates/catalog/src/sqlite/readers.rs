//! A few reading connections, opened when first needed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use model::Outside;
use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::open;
use super::writer::Writer;
use crate::error::Error;

/// Reads under way at once. More would wait for the same cores and the same page cache.
pub const READERS_MAX: usize = 4;

/// Where reads go.
pub struct Readers {
    outside: Outside,
    source: Source,
    free: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

enum Source {
    /// Connections of their own: reads go on beside the writer.
    File(PathBuf),
    /// A database in memory has one connection: reads run between transactions.
    Writer(Arc<Writer>),
}

impl Readers {
    pub fn of_file(path: PathBuf, outside: Outside) -> Readers {
        Readers::new(Source::File(path), outside)
    }

    pub fn of_writer(writer: Arc<Writer>, outside: Outside) -> Readers {
        Readers::new(Source::Writer(writer), outside)
    }

    fn new(source: Source, outside: Outside) -> Readers {
        Readers { outside, source, free: Mutex::default(), permits: Arc::new(Semaphore::new(READERS_MAX)) }
    }

    /// Runs `work` on one consistent state of what is shown.
    pub async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::stopped())?;
        let (answer, answered) = oneshot::channel();
        let readers = Arc::clone(self);
        self.outside.blocking.spawn(Box::new(move || {
            let outcome = readers.run(work);
            drop(permit);
            // Nobody listens when the caller was cancelled.
            let _ = answer.send(outcome);
        }));
        answered.await.unwrap_or_else(|_| Err(Error::stopped()))
    }

    fn run<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let path = match &self.source {
            Source::Writer(writer) => return writer.with_connection(work),
            Source::File(path) => path,
        };
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match free {
            Some(connection) => connection,
            None => open::reader(path)?,
        };
        let outcome = in_snapshot(&connection, work);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        outcome
    }
}

/// Several statements see one state only inside a transaction.
fn in_snapshot<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
    connection.prepare_cached("BEGIN DEFERRED")?.execute([])?;
    let outcome = work(connection);
    let ended = connection.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
    if !connection.is_autocommit() {
        // A failed read may leave the transaction open; the snapshot must not live on.
        connection.execute_batch("ROLLBACK")?;
    }
    let value = outcome?;
    ended?;
    Ok(value)
}
