//! `entente up`: from settings to open doors, and back.
//!
//! The order is chosen so that whatever can be wrong is found before anything changes: settings,
//! the directory's lock, the addresses, the root key, the catalog, the sites. Clients that connect
//! meanwhile wait; they are served when everything stands.

mod certificate;
mod doors;
mod home;
mod origins;

pub use home::{parts, refused, site_parts, store as site_store};

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use catalog::Catalog;
use engine::Engine;
use model::Outside;
use time::OffsetDateTime;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use self::doors::Doors;
use crate::api::{self, Admin};
use crate::args::UpArgs;
use crate::cli::Output;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::instruments::Instruments;
use crate::owner::First;
use crate::roots::Roots;
use crate::run_file::RunFile;
use crate::screen::{Audience, Ready};
use crate::token::Token;
use crate::{console, lock, logs, outside, owner, stop};

/// Threads that run tasks. Tasks only move bytes between sockets and buffers; what occupies a core
/// goes to the blocking threads. More than eight would idle.
const WORKERS: std::ops::RangeInclusive<usize> = 2..=8;
/// Threads for disk, database, digests and coding. Each site's requests wait here for its disk, so
/// a hung disk must leave enough for the other sites; each costs a stack when used and ends when
/// idle.
const BLOCKING_THREADS_MAX: usize = 256;
/// How long a blocking thread waits for more: work wakes the one that waited longest, so with the
/// usual ten seconds a few probes a second would keep dozens alive.
const BLOCKING_IDLE: Duration = Duration::from_secs(2);
/// Nothing here recurses deeply.
const STACK_BYTES: usize = 1 << 20;
/// How long the doors and the upkeep may take once asked to stop, a little more than the S3 door
/// gives its requests. With what follows it is less than the 30 s or more that service managers wait
/// before they kill.
const TASKS_MAX: Duration = Duration::from_secs(22);
/// How long the engine may then take to show what was decided, whatever became of the doors. What
/// was acknowledged stands without it.
const SHOW_MAX: Duration = Duration::from_secs(5);
/// How long blocking work of a hung disk may hold up the exit.
pub const LINGER_MAX: Duration = Duration::from_secs(1);

pub fn run(args: &UpArgs, filter: Option<&str>, output: Output) -> Result<(), Failure> {
    let config = Config::of(args)?;
    let _logs = logs::start(filter, config.traces.as_ref())?;
    let dir = config.dir();
    dir.make()?;
    let lock = lock::take(&dir)?;
    let runtime = runtime()?;
    let result = runtime.block_on(up(&config, &dir, output));
    // The catalog closes with the last task: until then nobody else may open it.
    runtime.shutdown_timeout(LINGER_MAX);
    drop(lock);
    result
}

pub fn runtime() -> Result<Runtime, Failure> {
    let cores = std::thread::available_parallelism().map_or(*WORKERS.start(), usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.clamp(*WORKERS.start(), *WORKERS.end()))
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_IDLE)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start threads: {error}")))
}

async fn up(config: &Config, dir: &DataDir, output: Output) -> Result<(), Failure> {
    RunFile::remove(dir)?;
    let doors = Doors::bind(config).await?;
    let encryption = certificate::open(config, dir)?;
    if config.unencrypted_beyond_loopback() {
        tracing::warn!(s3 = %config.s3_listen, "the S3 door is reachable from other machines, and what passes is not encrypted");
    }
    let stop = CancellationToken::new();
    stop::on_signals(stop.clone())?;
    let outside = outside::real(Handle::current());
    // On a thread of its own: a disk that hangs must not keep the signal from being heard.
    let roots = Roots::new(home::root(config, dir, &outside)?, outside.clone());
    let starting = tokio::spawn(start(config.clone(), dir.clone(), Arc::clone(&roots), outside.clone()));
    let started = tokio::select! {
        biased;
        () = stop.cancelled() => {
            tracing::info!("stopped while starting: the next start completes what this one began");
            return Ok(());
        }
        started = starting => joined(started)?,
    };
    let Started { engine, catalog, first, token } = started;

    let endpoints = doors.endpoints(encryption.is_some())?;
    let mut tasks = JoinSet::new();
    tasks.spawn(background(engine.clone(), stop.clone()));
    let watch = Arc::clone(&roots).watch(engine.clone(), stop.clone());
    tasks.spawn(async move {
        watch.await;
        Ok(())
    });
    let instruments = Arc::new(Instruments::default());
    let server = encryption.as_ref().map(|encryption| encryption.server.clone());
    let admin = Admin::new(engine.clone(), catalog, token, config, roots, &outside, stop.clone()).beside(
        config.s3_endpoint.as_ref().unwrap_or(&endpoints.s3),
        Arc::clone(&instruments),
        server.clone(),
    );
    let admin = Arc::new(admin);
    let measured = Arc::clone(&admin);
    tasks.spawn(async move {
        measured.measure().await;
        Ok(())
    });
    let admin_api = api::serve(Arc::clone(&admin), doors.admin, server.clone(), stop.clone());
    let console = console::serve(admin, doors.console, server.clone(), stop.clone());
    tasks.spawn(async move {
        admin_api.await.map_err(|error| Failure::new(Exit::Failed, format!("the admin API ended: {error}")))
    });
    tasks.spawn(async move {
        console.await.map_err(|error| Failure::new(Exit::Failed, format!("the console ended: {error}")))
    });
    let settings = doors::settings(config, server.clone(), &endpoints.console);
    let door = match config.counts_requests {
        true => s3::Door::watched(engine.clone(), settings, outside, instruments),
        false => s3::Door::new(engine.clone(), settings, outside),
    };
    let (s3_listener, s3_stop) = (doors.s3, stop.clone());
    tasks.spawn(async move {
        s3::serve(door, s3_listener, s3_stop.cancelled_owned()).await;
        Ok(())
    });

    if let Some(server) = server {
        let stop = stop.clone();
        tasks.spawn(async move {
            certificate::follow(server, stop).await;
            Ok(())
        });
    }

    let run = RunFile {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        region: config.region.clone(),
        s3_endpoint: endpoints.s3,
        s3_endpoint_elsewhere: config.s3_endpoint.clone(),
        admin_endpoint: endpoints.admin,
        console_endpoint: endpoints.console,
        tls_certificate: encryption.as_ref().map(|encryption| encryption.certificate.clone()),
    };
    run.write(dir)?;
    let ready = Ready {
        config,
        s3_endpoint: &run.s3_endpoint,
        admin_endpoint: &run.admin_endpoint,
        console_endpoint: &run.console_endpoint,
        authority: encryption.as_ref().and_then(|encryption| encryption.authority.as_deref()),
        owner: first.owner.as_ref().map(|owner| (&owner.credentials, owner.written)),
        officer: first.officer.as_ref().map(|officer| (&officer.credentials, officer.written)),
        program: &std::env::args().next().unwrap_or_else(|| "entente".to_owned()),
        audience: if io::stdout().is_terminal() { Audience::Terminal } else { Audience::Record },
        at: OffsetDateTime::now_utc(),
    };
    say(&match output {
        Output::Json => ready.json(),
        Output::Text => ready.text(),
    });
    tracing::info!(s3 = run.s3_endpoint, admin = run.admin_endpoint, console = run.console_endpoint, "ready");
    finish(tasks, &engine, dir, stop).await
}

/// What a start opens, finds or makes.
struct Started {
    engine: Engine,
    catalog: Arc<dyn Catalog>,
    first: First,
    token: Token,
}

async fn start(config: Config, dir: DataDir, roots: Arc<Roots>, outside: Outside) -> Result<Started, Failure> {
    let (engine, catalog) = home::open(&config, &dir, &roots, &outside).await?;
    let first = owner::ensure(&engine, &catalog, &dir, &config).await?;
    let token = Token::load_or_make(&dir, &outside)?;
    Ok(Started { engine, catalog, first, token })
}

/// Waits for the end, drains, and leaves nothing that says this still runs.
async fn finish(
    mut tasks: JoinSet<Result<(), Failure>>,
    engine: &Engine,
    dir: &DataDir,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let mut result = tokio::select! {
        () = stop.cancelled() => Ok(()),
        Some(ended) = tasks.join_next() => joined(ended),
    };
    stop.cancel();
    let ends = async {
        while let Some(ended) = tasks.join_next().await {
            result = std::mem::replace(&mut result, Ok(())).and(joined(ended));
        }
    };
    if tokio::time::timeout(TASKS_MAX, ends).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut; what was acknowledged stands");
        tasks.abort_all();
    }
    if tokio::time::timeout(SHOW_MAX, engine.drain()).await.is_err() {
        tracing::warn!("not everything was shown in time; the next start shows the rest");
    }
    RunFile::remove(dir)?;
    tracing::info!("stopped");
    result
}

async fn background(engine: Engine, stop: CancellationToken) -> Result<(), Failure> {
    engine.run_background(stop.cancelled_owned()).await;
    Ok(())
}

fn joined<T>(ended: Result<Result<T, Failure>, JoinError>) -> Result<T, Failure> {
    ended.unwrap_or_else(|error| Err(Failure::new(Exit::Failed, format!("a part of Entente broke: {error}"))))
}

/// Nobody may listen any more; that is no reason to stop serving.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!(%error, "cannot write to stdout");
    }
}
