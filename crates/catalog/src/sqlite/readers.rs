//! A few reading connections, opened when first needed.
//!
//! ```text
//!  read ─► queue ─► a drain, one of a few: take a connection ─ read ─ read ─ … ─ give it back
//! ```
//!
//! Waking a thread costs more than most reads do: so whoever queues a read starts a drain only when
//! more wait than there are drains under way, and a drain goes on while anything waits.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Outside;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::open;
use super::writer::Writer;
use crate::error::Error;

/// Reads under way at once. More would wait for the same cores and the same page cache.
pub const READERS_MAX: usize = 4;

/// Where reads go.
pub struct Readers {
    outside: Outside,
    source: Source,
    queue: Mutex<Queue>,
}

enum Source {
    /// Connections of their own: reads go on beside the writer.
    File(PathBuf),
    /// A database in memory has one connection: reads run between transactions.
    Writer(Arc<Writer>),
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Read>,
    drains: usize,
    /// Connections of drains that ended.
    free: Vec<Connection>,
}

/// One read, which answers whoever asked.
type Read = Box<dyn FnOnce(Result<&Connection, Error>) + Send>;

impl Readers {
    pub fn of_file(path: PathBuf, outside: Outside) -> Readers {
        Readers::new(Source::File(path), outside)
    }

    pub fn of_writer(writer: Arc<Writer>, outside: Outside) -> Readers {
        Readers::new(Source::Writer(writer), outside)
    }

    fn new(source: Source, outside: Outside) -> Readers {
        Readers { outside, source, queue: Mutex::default() }
    }

    /// Whether a read may wait for whoever asked: it has a thread, and keeps nobody from writing.
    pub fn may_wait(&self) -> bool {
        self.outside.blocking.has_threads() && matches!(self.source, Source::File(_))
    }

    /// Runs `work` on one consistent state of what is shown.
    pub async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let read = move |connection: Result<&Connection, Error>| {
            // Nobody listens when the caller was cancelled.
            if !answer.is_closed() {
                let _ = answer.send(connection.and_then(work));
            }
        };
        if self.enqueue(Box::new(read)) {
            let readers = Arc::clone(self);
            self.outside.blocking.spawn(Box::new(move || readers.drain()));
        }
        answered.await.unwrap_or_else(|_| Err(Error::stopped()))
    }

    /// The same on a connection of its own, for what takes long or waits for whoever asked: no other read comes behind it.
    pub async fn read_apart<T, F>(self: &Arc<Self>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let Source::File(path) = &self.source else { return self.read(work).await };
        let ((answer, answered), path) = (oneshot::channel(), path.clone());
        self.outside.blocking.spawn(Box::new(move || {
            let read = move |connection: Result<&Connection, Error>| drop(answer.send(connection.and_then(work)));
            match open::reader(&path) {
                Ok(connection) => in_snapshot(&connection, Box::new(read)),
                Err(error) => read(Err(error)),
            }
        }));
        answered.await.unwrap_or_else(|_| Err(Error::stopped()))
    }

    /// Whether the caller has to start a drain.
    fn enqueue(&self, read: Read) -> bool {
        let mut queue = self.queue();
        queue.waiting.push_back(read);
        let starts = queue.drains < READERS_MAX && queue.waiting.len() > queue.drains;
        queue.drains += usize::from(starts);
        starts
    }

    fn drain(&self) {
        let mut drain = Drain { readers: self, connection: None };
        while let Some(read) = self.next() {
            match &self.source {
                Source::Writer(writer) => writer.with_connection(|connection| read(Ok(connection))),
                Source::File(path) => match drain.connection(path) {
                    Ok(connection) => in_snapshot(connection, read),
                    Err(error) => read(Err(error)),
                },
            }
        }
    }

    /// What waits longest; `None` ends the drain.
    fn next(&self) -> Option<Read> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        queue.drains -= usize::from(next.is_none());
        next
    }

    /// A panic elsewhere leaves nothing half done here.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One drain and its connection.
struct Drain<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drain<'_> {
    fn connection(&mut self, path: &std::path::Path) -> Result<&Connection, Error> {
        let connection = match self.connection.take().or_else(|| self.readers.queue().free.pop()) {
            Some(connection) => connection,
            None => open::reader(path)?,
        };
        Ok(self.connection.insert(connection))
    }
}

impl Drop for Drain<'_> {
    fn drop(&mut self) {
        let mut queue = self.readers.queue();
        if std::thread::panicking() {
            // The connection may be within a transaction, and goes. If nobody else drains, nobody
            // would answer those who wait.
            queue.drains -= 1;
            if queue.drains == 0 {
                queue.waiting.clear();
            }
        } else {
            queue.free.extend(self.connection.take());
        }
    }
}

/// Several statements see one state only inside a transaction.
fn in_snapshot(connection: &Connection, read: Read) {
    if let Err(error) = run(connection, "BEGIN DEFERRED") {
        return read(Err(error));
    }
    read(Ok(connection));
    // A failed read may have ended the transaction, or left it open; the snapshot must not live on.
    if run(connection, "COMMIT").is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
}

fn run(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
