//! `entente up`: from settings to two open doors, and back.
//!
//! The order is chosen so that whatever can be wrong is found before anything changes: settings,
//! the directory's lock, both addresses, the root key, the catalog, the sites. Clients that connect
//! meanwhile wait; they are served when everything stands.

mod doors;
mod home;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use engine::Engine;
use time::OffsetDateTime;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::doors::Doors;
use crate::api::{self, Admin};
use crate::args::UpArgs;
use crate::config::{Config, Kind};
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::run_file::RunFile;
use crate::screen::{Audience, Ready};
use crate::token::Token;
use crate::{lock, outside, owner, stop};

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
/// How long everything under way may take once asked to stop: service managers wait 30 s or more
/// before they kill. What was acknowledged stands without it.
const DRAIN_MAX: Duration = Duration::from_secs(28);
/// How long blocking work of a hung disk may hold up the exit.
const LINGER_MAX: Duration = Duration::from_secs(1);

pub fn run(args: &UpArgs) -> Result<(), Failure> {
    let config = Config::of(args)?;
    let dir = config.dir();
    dir.make()?;
    let lock = lock::take(&dir)?;
    let runtime = runtime()?;
    let result = runtime.block_on(up(&config, &dir, args.json));
    // The catalog closes with the last task: until then nobody else may open it.
    runtime.shutdown_timeout(LINGER_MAX);
    drop(lock);
    result
}

fn runtime() -> Result<Runtime, Failure> {
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

async fn up(config: &Config, dir: &DataDir, json: bool) -> Result<(), Failure> {
    RunFile::remove(dir)?;
    let doors = Doors::bind(config).await?;
    let stop = CancellationToken::new();
    stop::on_signals(stop.clone())?;
    let outside = outside::real(Handle::current());
    let (engine, catalog) = home::open(config, dir, &outside).await?;
    let owner = match config.kind {
        Kind::Embedded => Some(owner::ensure(&engine, &catalog, dir, &config.region).await?),
        Kind::Configured => None,
    };
    let token = Token::load_or_make(dir, &outside)?;

    let (s3_endpoint, admin_endpoint) = doors.endpoints()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(background(engine.clone(), stop.clone()));
    let admin = Admin::new(engine.clone(), catalog, token, &outside);
    let (admin_listener, admin_stop) = (doors.admin, stop.clone());
    tasks.spawn(async move {
        let ended = api::serve(admin, admin_listener, admin_stop).await;
        ended.map_err(|error| Failure::new(Exit::Failed, format!("the admin API ended: {error}")))
    });
    let door = s3::Door::new(engine.clone(), doors::settings(config), outside);
    let (s3_listener, s3_stop) = (doors.s3, stop.clone());
    tasks.spawn(async move {
        s3::serve(door, s3_listener, s3_stop.cancelled_owned()).await;
        Ok(())
    });

    let run = RunFile {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        region: config.region.clone(),
        s3_endpoint,
        admin_endpoint,
    };
    run.write(dir)?;
    let ready = Ready {
        config,
        s3_endpoint: &run.s3_endpoint,
        admin_endpoint: &run.admin_endpoint,
        owner: owner.as_ref().map(|owner| (&owner.credentials, owner.written)),
        program: &std::env::args().next().unwrap_or_else(|| "entente".to_owned()),
        audience: if io::stdout().is_terminal() { Audience::Terminal } else { Audience::Record },
        at: OffsetDateTime::now_utc(),
    };
    say(&if json { ready.json() } else { ready.text() });
    tracing::info!(s3 = run.s3_endpoint, admin = run.admin_endpoint, "ready");
    finish(tasks, &engine, dir, stop).await
}

/// Waits for the end, drains, and leaves nothing that says this still runs.
async fn finish(
    mut tasks: JoinSet<Result<(), Failure>>,
    engine: &Engine,
    dir: &DataDir,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let first = tokio::select! {
        () = stop.cancelled() => Ok(()),
        Some(ended) = tasks.join_next() => joined(ended),
    };
    stop.cancel();
    let drain = async {
        let mut result = first;
        while let Some(ended) = tasks.join_next().await {
            result = result.and(joined(ended));
        }
        engine.drain().await;
        result
    };
    let result = tokio::time::timeout(DRAIN_MAX, drain).await.unwrap_or_else(|_| {
        tracing::warn!("some requests did not end in time and were cut; what was acknowledged stands");
        Ok(())
    });
    RunFile::remove(dir)?;
    tracing::info!("stopped");
    result
}

async fn background(engine: Engine, stop: CancellationToken) -> Result<(), Failure> {
    engine.run_background(stop.cancelled_owned()).await;
    Ok(())
}

fn joined(ended: Result<Result<(), Failure>, tokio::task::JoinError>) -> Result<(), Failure> {
    ended.unwrap_or_else(|error| Err(Failure::new(Exit::Failed, format!("a part of Entente broke: {error}"))))
}

/// Nobody may listen any more; that is no reason to stop serving.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!(%error, "cannot write to stdout");
    }
}
