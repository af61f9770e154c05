//! The root keys as an operator keeps them: the one that counts, and while a label is shredded the one that may.
//! Files survive every cut of power; what `server` does with them is done here with values.

use std::sync::{Mutex, MutexGuard, PoisonError};

use coding::keys::RootKey;
use engine::{Engine, Error, fingerprint};
use model::Label;
use policy::SystemPermit;

use crate::known::{Doom, Known};
use crate::random::Random;

pub struct Roots(Mutex<Kept>);

#[derive(Clone, Copy)]
struct Kept {
    current: [u8; 32],
    next: Option<[u8; 32]>,
}

impl Roots {
    pub fn new(current: [u8; 32]) -> Roots {
        Roots(Mutex::new(Kept { current, next: None }))
    }

    pub fn current(&self) -> RootKey {
        RootKey::from_bytes(self.kept().current)
    }

    pub fn next(&self) -> Option<RootKey> {
        self.kept().next.map(RootKey::from_bytes)
    }

    /// After a start, and whenever somebody looks: the new root takes the place of the old one when it counts.
    pub async fn settle(&self, engine: &Engine, known: &Known, when: When) -> Result<(), Error> {
        let Some(next) = self.next() else { return Ok(()) };
        let (state, next) = (engine.root().await?, fingerprint(&next, engine.enclave()));
        if state.shown == next {
            let mut kept = self.kept();
            kept.current = kept.next.take().unwrap_or(kept.current);
            known.doom(Doom::Shredded);
        } else if state.held != next && when == When::Started {
            // Nothing was decided: it is undone.
            self.kept().next = None;
        } else {
            return Ok(());
        }
        engine.forget_old_roots();
        Ok(())
    }

    /// Shreds the label under a new root, as soon as none waits.
    pub async fn shred(&self, engine: &Engine, known: &Known, label: Label, random: &mut Random) -> Result<(), Error> {
        if self.next().is_some() {
            return self.settle(engine, known, When::AtWork).await;
        }
        let system = SystemPermit::for_background_work();
        engine.plan_shred(&system, label).await?;
        let root = random.next().to_le_bytes().repeat(4).try_into().unwrap_or([9; 32]);
        self.kept().next = Some(root);
        known.doom(Doom::Asked);
        engine.shred_label(&system, label, RootKey::from_bytes(root)).await?;
        self.settle(engine, known, When::AtWork).await
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    Started,
    AtWork,
}
