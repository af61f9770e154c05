//! What every request asks first, remembered: the credential behind an access key, the bucket behind a
//! name.
//!
//! An entry holds until a batch is shown that changes anything but objects. Such a batch empties this
//! before anybody is answered, and whoever read the catalog before that and comes to keep it afterwards
//! finds his turn over. The deciding transaction looks at key, policy and bucket again all the same.
//! There is one process to a catalog; entries shared by several would need a lease.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{AccessKeyId, Bucket, BucketName, Change, Label};

use crate::api::Credential;

/// Entries of one kind at most; beyond it all are forgotten. More keys or buckets than this at work at
/// once cost a read of the catalog each, as if nothing were remembered.
const ENTRIES_MAX: usize = 4096;

/// Between two emptyings.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn(u64);

#[derive(Default)]
pub struct Lookups {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    turn: Turn,
    credentials: BTreeMap<AccessKeyId, Credential>,
    /// By the bytes of their label and their name.
    buckets: BTreeMap<([u8; Label::BYTES], BucketName), Bucket>,
}

impl Lookups {
    /// To be asked before the catalog is.
    pub fn turn(&self) -> Turn {
        self.held().turn
    }

    pub fn credential(&self, id: &AccessKeyId) -> Option<Credential> {
        self.held().credentials.get(id).cloned()
    }

    pub fn bucket(&self, label: Label, name: &BucketName) -> Option<Bucket> {
        self.held().buckets.get(&(*label.canonical(), name.clone())).cloned()
    }

    /// Keeps what the catalog said, unless `turn` is over.
    pub fn keep_credential(&self, turn: Turn, id: &AccessKeyId, credential: &Credential) {
        keep(turn, &mut self.held(), |held| &mut held.credentials, id.clone(), credential.clone());
    }

    pub fn keep_bucket(&self, turn: Turn, label: Label, bucket: &Bucket) {
        keep(
            turn,
            &mut self.held(),
            |held| &mut held.buckets,
            (*label.canonical(), bucket.name.clone()),
            bucket.clone(),
        );
    }

    /// Hears what has just been shown.
    pub fn shown<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) {
        if changes.into_iter().any(concerns) {
            let mut held = self.held();
            *held = Held { turn: Turn(held.turn.0 + 1), ..Held::default() };
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // No code panics while it holds the lock; a poisoned map is still whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep<K: Ord, V>(turn: Turn, held: &mut Held, of: fn(&mut Held) -> &mut BTreeMap<K, V>, key: K, value: V) {
    if held.turn != turn {
        return;
    }
    let kept = of(held);
    if kept.len() >= ENTRIES_MAX {
        kept.clear();
    }
    kept.insert(key, value);
}

/// Whether a change may make an entry wrong. What is not known to leave them alone may.
fn concerns(change: &Change) -> bool {
    !matches!(
        change,
        Change::ObjectPut { .. }
            | Change::ObjectDeleted { .. }
            | Change::UploadStarted(_)
            | Change::PartPut { .. }
            | Change::UploadCompleted { .. }
            | Change::UploadAborted { .. }
            | Change::PiecesAdded { .. }
            | Change::MarkerPut { .. }
            | Change::VersionDeleted { .. }
            | Change::VersionSet { .. }
            | Change::ObjectCopied { .. }
            | Change::PartCopied { .. }
            | Change::ReleaseSet(_)
    )
}

#[cfg(test)]
mod tests {
    use model::{BucketId, PrincipalId, Profile, Session, Timestamp, UploadId};

    use super::*;

    fn bucket(name: &str) -> Bucket {
        Bucket {
            id: BucketId([1; 16]),
            name: BucketName::parse(name).unwrap(),
            label: Label::LOWEST,
            profile: Profile::Quad,
            owner: PrincipalId([2; 16]),
            created: Timestamp(0),
        }
    }

    fn credential(id: &AccessKeyId) -> Credential {
        let session = Session {
            principal: PrincipalId([2; 16]),
            access_key: Some(id.clone()),
            role: Some(model::Role::MissionOwner),
            groups: Vec::new(),
            label: Label::LOWEST,
            policy_epoch: 0,
        };
        let standing = policy::Standing {
            limits: model::KeyLimits::default(),
            suspended: None,
            clearance: Label::LOWEST,
            range: model::LabelRange::up_to(Label::LOWEST),
        };
        Credential { session, secret: "secret".into(), standing }
    }

    /// Lookups that know a key and a bucket.
    fn filled() -> (Lookups, AccessKeyId, Bucket) {
        let (lookups, id, bucket) = (Lookups::default(), AccessKeyId("ENTE1".into()), bucket("one"));
        lookups.keep_credential(lookups.turn(), &id, &credential(&id));
        lookups.keep_bucket(lookups.turn(), Label::LOWEST, &bucket);
        (lookups, id, bucket)
    }

    fn known((lookups, id, bucket): &(Lookups, AccessKeyId, Bucket)) -> (bool, bool) {
        (lookups.credential(id).is_some(), lookups.bucket(Label::LOWEST, &bucket.name).is_some())
    }

    #[test]
    fn what_was_kept_is_known_until_something_else_than_an_object_changes() {
        let filled = filled();
        assert_eq!(known(&filled), (true, true));
        let aborted = Change::UploadAborted { bucket: BucketId([1; 16]), upload: UploadId([3; 16]) };
        filled.0.shown([&aborted]);
        assert_eq!(known(&filled), (true, true));
        let revoked = Change::KeyRevoked { id: AccessKeyId("ENTE2".into()), at: Timestamp(1) };
        filled.0.shown([&aborted, &revoked]);
        assert_eq!(known(&filled), (false, false));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let filled = filled();
        let before = filled.0.turn();
        filled.0.shown([&Change::BucketDeleted { bucket: filled.2.id }]);
        filled.0.keep_bucket(before, Label::LOWEST, &filled.2);
        filled.0.keep_credential(before, &filled.1, &credential(&filled.1));
        assert_eq!(known(&filled), (false, false));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let lookups = Lookups::default();
        for number in 0..=ENTRIES_MAX {
            lookups.keep_bucket(lookups.turn(), Label::LOWEST, &bucket(&format!("bucket-{number}")));
        }
        assert!(lookups.held().buckets.len() <= ENTRIES_MAX);
        assert!(lookups.bucket(Label::LOWEST, &BucketName::parse(&format!("bucket-{ENTRIES_MAX}")).unwrap()).is_some());
    }
}
