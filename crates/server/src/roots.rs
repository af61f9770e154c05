//! The root key in a running Entente: which file counts, and its succession when a label is shredded.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, fingerprint};
use model::{EnclaveId, Label, Outside, RootFingerprint};
use policy::SystemPermit;
use tokio_util::sync::CancellationToken;

use crate::failure::{Exit, Failure};
use crate::root_key::RootFile;

/// How often it is looked whether a succession that waits for sites can be completed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub struct Roots {
    file: RootFile,
    outside: Outside,
    /// Held by whoever changes files.
    turn: tokio::sync::Mutex<()>,
}

/// Why a label was not shredded, or not yet.
#[derive(Debug)]
pub enum NotShredded {
    Refused(engine::Error),
    Root(Failure),
}

impl Roots {
    pub fn new(file: RootFile, outside: Outside) -> Arc<Roots> {
        Arc::new(Roots { file, outside, turn: tokio::sync::Mutex::default() })
    }

    pub fn file(&self) -> &RootFile {
        &self.file
    }

    /// After a start: what an earlier one began is completed, or undone where nothing was decided.
    pub async fn settle(&self, engine: &Engine) -> Result<(), Failure> {
        let _turn = self.turn.lock().await;
        let state = root(engine).await?;
        match self.next(engine.enclave())? {
            Some(next) if next == state.shown => self.promote(engine)?,
            // Decided, and completed when it is shown.
            Some(next) if next == state.held => {}
            Some(_) => {
                self.file.drop_next()?;
                engine.forget_old_roots();
            }
            None => self.file.destroy_old()?,
        }
        Ok(())
    }

    /// Shreds the label under a new root.
    pub async fn shred(&self, engine: &Engine, permit: &SystemPermit, label: Label) -> Result<(), NotShredded> {
        let _turn = self.turn.lock().await;
        if self.next(engine.enclave()).map_err(NotShredded::Root)?.is_some() {
            let why = "another label is being shredded and waits for sites; what is not decided by the next start is undone by it";
            return Err(NotShredded::Refused(engine::Error::Unavailable { reason: why.to_owned() }));
        }
        let new = tokio::task::block_in_place(|| self.file.make_next(&self.outside)).map_err(NotShredded::Root)?;
        match engine.shred_label(permit, label, new).await {
            Ok(()) => self.promote_if_shown(engine).await.map_err(NotShredded::Root),
            // It may be decided: the new root stays.
            Err(error @ engine::Error::Unavailable { .. }) => Err(NotShredded::Refused(error)),
            Err(error) => {
                self.file.drop_next().map_err(NotShredded::Root)?;
                Err(NotShredded::Refused(error))
            }
        }
    }

    /// Completes, once it is shown, what could not be completed at once.
    pub async fn watch(self: Arc<Self>, engine: Engine, stop: CancellationToken) {
        while tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await.is_err() {
            if self.file.next().exists() {
                let _turn = self.turn.lock().await;
                if let Err(error) = self.promote_if_shown(&engine).await {
                    tracing::error!(%error, "the new root key cannot take its place");
                }
            }
        }
    }

    async fn promote_if_shown(&self, engine: &Engine) -> Result<(), Failure> {
        let shown = root(engine).await?.shown;
        if self.next(engine.enclave())? == Some(shown) { self.promote(engine) } else { Ok(()) }
    }

    fn promote(&self, engine: &Engine) -> Result<(), Failure> {
        self.file.promote()?;
        engine.forget_old_roots();
        tracing::info!("a new root key took its place, and the old one is destroyed");
        Ok(())
    }

    fn next(&self, enclave: EnclaveId) -> Result<Option<RootFingerprint>, Failure> {
        let next = tokio::task::block_in_place(|| self.file.load_next())?;
        Ok(next.map(|next| fingerprint(&next, enclave)))
    }
}

async fn root(engine: &Engine) -> Result<engine::RootState, Failure> {
    let state = engine.root().await;
    state.map_err(|error| Failure::new(Exit::Failed, format!("cannot tell which root key counts: {error}")))
}
