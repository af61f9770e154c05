//! Asking a site how it is, from the background: is it still ours, and does it store what it is
//! given?

use bytes::Bytes;
use model::{EnclaveId, SiteId};

use super::half::Trial;
use super::{Breaker, Half, Instant, Side, reason_of};
use crate::marker::{self, MarkerError, NotOurs, PROBES};
use crate::store::{Error, ErrorKind};

/// Reads of a probe before other bytes than were written count as the site's failure.
const READS_MAX: usize = 3;

impl Breaker {
    /// From now on the site must carry the marker of this enclave and site. Looks at once: one
    /// that is not ours, or does not answer, is out from the start, with the reason returned.
    pub async fn admit(&self, enclave: EnclaveId, site: SiteId) -> Result<(), NotOurs> {
        self.state().owner = Some((enclave, site));
        let verified = marker::verify(self.store.as_ref(), enclave, site).await;
        if let Err(error) = &verified {
            self.take_out(&reason_of(error));
        }
        verified
    }

    /// Looks at the marker; where writes are out also writes, reads and deletes a probe object.
    /// To be called every second or few, well or not: a half that is out comes back only here.
    /// Asks the site itself, past the refusals of an open breaker.
    pub async fn probe(&self) {
        match self.look_at_marker().await {
            Err(NotOurs::Marker(MarkerError::Unreachable(error))) => {
                self.note(Half::Read, 0, Some(&error));
                if error.kind == ErrorKind::Unavailable || self.health().write == Side::Out {
                    self.note(Half::Write, 0, Some(&error));
                }
            }
            Err(not_ours) => self.take_out(&reason_of(&not_ours)),
            Ok(()) => {
                self.prove(Half::Read);
                if self.health().write == Side::Out {
                    self.probe_writes().await;
                }
            }
        }
    }

    async fn look_at_marker(&self) -> Result<(), NotOurs> {
        let owner = self.state().owner;
        match owner {
            Some((enclave, site)) => marker::verify(self.store.as_ref(), enclave, site).await,
            // Not claimed yet: any answer will do.
            None => marker::read_marker(self.store.as_ref()).await.map(drop).map_err(NotOurs::Marker),
        }
    }

    async fn probe_writes(&self) {
        let trial = self.state().write.trial();
        match self.write_read_delete(trial).await {
            Ok(()) => self.prove(Half::Write),
            // Reads are judged by the marker; here everything tells of writing.
            Err(error) => self.turn(Half::Write, |write| write.failed(error.kind, trial.bytes, &reason_of(&error))),
        }
    }

    fn prove(&self, half: Half) {
        let reenter_after = self.settings.reenter_after;
        self.turn(half, |condition| condition.proven(Instant::now(), reenter_after));
    }

    async fn write_read_delete(&self, trial: Trial) -> Result<(), Error> {
        // Zeros behind the random beginning: what must be large is large to prove room, no more.
        let random: [u8; 32] = self.outside.random();
        let mut probe = random.to_vec();
        probe.resize(usize::try_from(trial.bytes).unwrap_or(random.len()).max(random.len()), 0);
        let name = format!("{PROBES}{}", SiteId::random(&self.outside));
        let probe = Bytes::from(probe);
        let began = Instant::now();
        let kept = match self.store.put_new(&name, probe.clone()).await {
            Ok(()) if trial.within.is_some_and(|within| began.elapsed() > within) => {
                Err(Error::new(ErrorKind::TimedOut, format!("a probe took {} ms", began.elapsed().as_millis())))
            }
            Ok(()) => self.reads_back(&name, &probe).await,
            Err(error) => Err(error),
        };
        // Also when the put failed, since it may have landed; what is left behind is ignored.
        let deleted = self.store.delete(&name).await;
        kept.and(deleted)
    }

    async fn reads_back(&self, name: &str, probe: &Bytes) -> Result<(), Error> {
        for _ in 0..READS_MAX {
            if self.store.get_range(name, 0..probe.len() as u64).await? == *probe {
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::Corrupt, "a probe came back with other bytes than were written"))
    }
}
