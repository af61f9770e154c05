//! The one writer, with group commit.
//!
//! ```text
//!  write ─► queue ─► drain: BEGIN ─ job ─ job ─ … ─ COMMIT (one sync) ─► answers
//! ```
//!
//! Whoever queues a job while no drain is under way starts one; a drain takes all that is queued.
//! So a lone write waits for nothing, and writes that arrive during a commit share the next.
//!
//! A job that fails undoes itself alone. That is seldom, and a savepoint around every job would
//! cost half the time of showing a large batch (SQLite then walks the list of all pages changed
//! since the savepoint at the end of each statement): so a group runs without, and only when one of
//! its jobs fails is it rolled back and run again with a savepoint around each.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Outside;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::Error;

/// The writing connection and its queue.
pub struct Writer {
    outside: Outside,
    connection: Mutex<Connection>,
    queue: Mutex<Queue>,
    commits: AtomicU64,
}

#[derive(Default)]
struct Queue {
    jobs: Vec<Box<dyn Job>>,
    draining: bool,
}

/// One write: run inside the transaction, answered after its commit.
trait Job: Send {
    /// May run twice, the second time after a rollback.
    fn run(&mut self, connection: &Connection) -> Result<(), Error>;
    /// `committed` is the fate of the whole transaction.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

struct Write<T, F> {
    work: F,
    outcome: Result<T, Error>,
    answer: oneshot::Sender<Result<T, Error>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Result<T, Error> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), Error> {
        self.outcome = (self.work)(connection);
        self.outcome.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        // Nobody listens when the caller was cancelled; the write stands all the same.
        let _ = self.answer.send(committed.and(self.outcome));
    }
}

impl Writer {
    pub fn new(connection: Connection, outside: Outside) -> Writer {
        Writer { outside, connection: Mutex::new(connection), queue: Mutex::default(), commits: AtomicU64::new(0) }
    }

    /// Runs `work` in a transaction that others may share; returns once it is durable.
    pub async fn write<T, F>(self: &Arc<Self>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Write { work, outcome: Err(Error::stopped()), answer };
        if self.enqueue(Box::new(job)) {
            let writer = Arc::clone(self);
            self.outside.blocking.spawn(Box::new(move || writer.drain()));
        }
        answered.await.unwrap_or_else(|_| Err(Error::stopped()))
    }

    /// Runs `work` in no transaction, while nobody else writes.
    pub async fn alone<T, F>(self: &Arc<Self>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let writer = Arc::clone(self);
        self.outside.blocking.spawn(Box::new(move || {
            let done = writer.with_connection(|connection| {
                roll_back(connection);
                work(connection)
            });
            let _ = answer.send(done);
        }));
        answered.await.unwrap_or_else(|_| Err(Error::stopped()))
    }

    /// Runs `read` on the writing connection, between transactions.
    pub fn with_connection<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        read(&lock(&self.connection))
    }

    /// Transactions committed since the catalog was opened.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Whether the caller has to start a drain.
    fn enqueue(&self, job: Box<dyn Job>) -> bool {
        let mut queue = lock(&self.queue);
        queue.jobs.push(job);
        !std::mem::replace(&mut queue.draining, true)
    }

    fn drain(&self) {
        let _drain = Drain(&self.queue);
        while let Some(mut jobs) = self.next_group() {
            let committed = self.commit(&mut jobs);
            if let Err(error) = &committed {
                tracing::warn!(%error, writes = jobs.len(), "the catalog could not commit");
            }
            jobs.into_iter().for_each(|job| job.answer(committed.clone()));
        }
    }

    /// All that is queued; ends the drain if that is nothing.
    fn next_group(&self) -> Option<Vec<Box<dyn Job>>> {
        let mut queue = lock(&self.queue);
        queue.draining = !queue.jobs.is_empty();
        queue.draining.then(|| std::mem::take(&mut queue.jobs))
    }

    fn commit(&self, jobs: &mut [Box<dyn Job>]) -> Result<(), Error> {
        let connection = lock(&self.connection);
        // Open only when a job panicked here before.
        roll_back(&connection);
        let committed = transact(&connection, jobs);
        roll_back(&connection);
        if committed.is_ok() {
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        committed
    }
}

/// A commit that fails is not tried again: what a failed sync left behind is not known.
fn transact(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), Error> {
    run(connection, "BEGIN IMMEDIATE")?;
    if jobs.iter_mut().try_for_each(|job| job.run(connection)).is_err() {
        roll_back(connection);
        run(connection, "BEGIN IMMEDIATE")?;
        each_for_itself(connection, jobs)?;
    }
    run(connection, "COMMIT")
}

fn each_for_itself(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), Error> {
    for job in jobs {
        run(connection, "SAVEPOINT job")?;
        if let Err(error) = job.run(connection) {
            if connection.is_autocommit() {
                // A full disk and its like end the whole transaction, not just the statement.
                return Err(error);
            }
            run(connection, "ROLLBACK TO job")?;
        }
        run(connection, "RELEASE job")?;
    }
    Ok(())
}

/// Ends a transaction that a failure left open; what rolling back says is no news.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
}

fn run(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Lets the next write start a drain when this one ends by a panic.
struct Drain<'a>(&'a Mutex<Queue>);

impl Drop for Drain<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(self.0).draining = false;
        }
    }
}

/// A panic elsewhere leaves nothing half done here: the queue is only pushed to and taken from,
/// and an open transaction is rolled back before the next.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
