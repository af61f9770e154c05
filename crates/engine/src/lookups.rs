//! What every request asks first, remembered: the credential behind an access key, the bucket behind a
//! name, and what the bucket says about those who do not own it.
//!
//! An entry holds until a batch is shown that could make it wrong. Such a batch is heard here before
//! anybody is answered, and whoever read the catalog before that and comes to keep it afterwards finds
//! his turn over. Changes of one label make sessions forget that see the label, and no others: how long
//! a lookup takes tells nobody what happened above. The deciding transaction looks at key, policy and
//! bucket again all the same. There is one process to a catalog; entries shared by several would need
//! a lease.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{AccessKeyId, Bucket, BucketId, BucketName, BucketSetting, Change, Label, PrincipalId, Profile};
use policy::Access;

use crate::api::Credential;

/// Entries of one kind and session label at most; beyond it those are forgotten. More keys or buckets than
/// this at work at once cost a read of the catalog each, as if nothing were remembered.
const ENTRIES_MAX: usize = 4096;

/// Between two changes that a session could have seen.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn(u64);

#[derive(Default)]
pub struct Lookups {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    credentials: BTreeMap<AccessKeyId, Credential>,
    /// How often something changed that a credential says: keys, people and groups have no label.
    people: u64,
    /// By the bytes of the session's label and their name.
    buckets: BTreeMap<([u8; Label::BYTES], BucketName), Bucket>,
    /// By the bytes of the bucket's label.
    accesses: BTreeMap<([u8; Label::BYTES], BucketId), Arc<Access>>,
    /// Of buckets that were told another since this process began: who came with what they knew before
    /// goes by it all the same.
    profiles: BTreeMap<BucketId, Profile>,
    /// How often buckets of each label changed.
    changes: BTreeMap<[u8; Label::BYTES], u64>,
}

impl Held {
    fn turn(&self, session: Label) -> Turn {
        let seen = |label: &[u8; Label::BYTES]| Label::from_canonical(*label) <= session;
        Turn(self.changes.iter().filter(|(label, _)| seen(label)).map(|(_, changes)| changes).sum())
    }

    fn forget_people(&mut self, changed: impl Fn(&AccessKeyId, &Credential) -> bool) {
        self.people += 1;
        self.credentials.retain(|id, credential| !changed(id, credential));
    }

    /// Buckets of this label changed: no session may go on with what it knew that sees the label.
    fn forget_buckets(&mut self, label: Label) {
        *self.changes.entry(*label.canonical()).or_default() += 1;
        let sees = |session: &[u8; Label::BYTES]| label <= Label::from_canonical(*session);
        self.buckets.retain(|(session, _), _| !sees(session));
        self.accesses.retain(|(of, _), _| of != label.canonical());
    }
}

impl Lookups {
    /// To be asked before the catalog is asked for a bucket.
    pub fn turn(&self, session: Label) -> Turn {
        self.held().turn(session)
    }

    /// To be asked before the catalog is asked for a credential.
    pub fn turn_of_people(&self) -> Turn {
        Turn(self.held().people)
    }

    pub fn credential(&self, id: &AccessKeyId) -> Option<Credential> {
        self.held().credentials.get(id).cloned()
    }

    pub fn bucket(&self, session: Label, name: &BucketName) -> Option<Bucket> {
        self.held().buckets.get(&(*session.canonical(), name.clone())).cloned()
    }

    /// The bucket's profile by now; to be asked when a writer epoch holds whoever asks.
    pub fn profile_of(&self, bucket: BucketId, known: Profile) -> Profile {
        self.held().profiles.get(&bucket).copied().unwrap_or(known)
    }

    pub fn access(&self, bucket: &Bucket) -> Option<Arc<Access>> {
        self.held().accesses.get(&(*bucket.label.canonical(), bucket.id)).cloned()
    }

    /// Keeps what the catalog said, unless `turn`, of the bucket's label, is over.
    pub fn keep_access(&self, turn: Turn, bucket: &Bucket, access: &Arc<Access>) {
        let mut held = self.held();
        if held.turn(bucket.label) == turn {
            let own = |(kept, _): &([u8; Label::BYTES], BucketId), _: &Arc<Access>| kept == bucket.label.canonical();
            keep(&mut held.accesses, own, (*bucket.label.canonical(), bucket.id), Arc::clone(access));
        }
    }

    /// Keeps what the catalog said, unless `turn` is over.
    pub fn keep_credential(&self, turn: Turn, id: &AccessKeyId, credential: &Credential) {
        let mut held = self.held();
        if held.people == turn.0 {
            let own = |_: &AccessKeyId, kept: &Credential| kept.session.label == credential.session.label;
            keep(&mut held.credentials, own, id.clone(), credential.clone());
        }
    }

    /// Keeps what the catalog said, unless `turn` is over.
    pub fn keep_bucket(&self, turn: Turn, session: Label, bucket: &Bucket) {
        let mut held = self.held();
        if held.turn(session) == turn {
            let own = |(kept, _): &([u8; Label::BYTES], BucketName), _: &Bucket| kept == session.canonical();
            keep(&mut held.buckets, own, (*session.canonical(), bucket.name.clone()), bucket.clone());
        }
    }

    /// Hears what has just been shown in the stream of this label, or in the control stream.
    pub fn shown<'a>(&self, label: Option<Label>, changes: impl IntoIterator<Item = &'a Change>) {
        for change in changes {
            let mut held = self.held();
            if let Change::BucketSet { bucket, setting: BucketSetting::Profile(Some(profile)) } = change {
                held.profiles.insert(*bucket, *profile);
            }
            match reach(change) {
                Reach::Nothing => {}
                Reach::Buckets => label.into_iter().for_each(|label| held.forget_buckets(label)),
                Reach::Key(id) => held.forget_people(|kept, _| kept == id),
                Reach::Principal(id) => held.forget_people(|_, kept| kept.session.principal == *id),
                Reach::Everyone => held.forget_people(|_, _| true),
                Reach::Label(label) => {
                    held.forget_buckets(*label);
                    held.forget_people(|_, kept| kept.session.label == *label);
                }
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // No code panics while it holds the lock; a poisoned map is still whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep<K: Ord, V>(kept: &mut BTreeMap<K, V>, own: impl Fn(&K, &V) -> bool, key: K, value: V) {
    if kept.len() >= ENTRIES_MAX && kept.iter().filter(|(key, value)| own(key, value)).count() >= ENTRIES_MAX {
        kept.retain(|key, value| !own(key, value));
    }
    kept.insert(key, value);
}

/// Which entries a change may make wrong.
enum Reach<'a> {
    Nothing,
    Buckets,
    Key(&'a AccessKeyId),
    Principal(&'a PrincipalId),
    /// Who is in which group.
    Everyone,
    /// Whatever has this label.
    Label(&'a Label),
}

/// Nobody remembers that something is not there, so what comes into being makes nothing wrong, but a
/// bucket: a name may mean another one from then on.
fn reach(change: &Change) -> Reach<'_> {
    match change {
        Change::BucketCreated(..) | Change::BucketDeleted { .. } | Change::BucketSet { .. } => Reach::Buckets,
        Change::KeyRevoked { id, .. } | Change::KeyExpires { id, .. } => Reach::Key(id),
        Change::PrincipalSet(principal) => Reach::Principal(&principal.id),
        Change::GroupSet(_) | Change::GroupDeleted { .. } => Reach::Everyone,
        Change::LabelShredded { label, .. } => Reach::Label(label),
        Change::ObjectPut { .. }
        | Change::ObjectDeleted { .. }
        | Change::OriginHidden { .. }
        | Change::UploadStarted(_)
        | Change::PartPut { .. }
        | Change::UploadCompleted { .. }
        | Change::UploadAborted { .. }
        | Change::PiecesAdded { .. }
        | Change::SegmentPlaced { .. }
        | Change::SiteSet { .. }
        | Change::PrincipalCreated(_)
        | Change::ReleaseSet(_)
        | Change::KeyIssued(_)
        | Change::LabelKeyCreated(_)
        | Change::CopyMade(_)
        | Change::StreamOpened { .. }
        | Change::SiteClaimed { .. }
        | Change::MarkerPut { .. }
        | Change::VersionDeleted { .. }
        | Change::VersionSet { .. }
        | Change::ObjectCopied { .. }
        | Change::PartCopied { .. } => Reach::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use model::label::Parts;
    use model::{Level, Session, Timestamp, UploadId};

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

    fn level(level: u8) -> Label {
        Label::new(Parts { level: Level(level), ..Label::LOWEST.parts() })
    }

    /// Lookups that know a key, and a bucket of the lowest label from two levels.
    fn filled() -> (Lookups, AccessKeyId, Bucket) {
        let (lookups, id, bucket) = (Lookups::default(), AccessKeyId("ENTE1".into()), bucket("one"));
        lookups.keep_credential(lookups.turn_of_people(), &id, &credential(&id));
        for session in [Label::LOWEST, level(64)] {
            lookups.keep_bucket(lookups.turn(session), session, &bucket);
        }
        (lookups, id, bucket)
    }

    /// Of the key, and of the bucket from below and from above.
    fn known((lookups, id, bucket): &(Lookups, AccessKeyId, Bucket)) -> (bool, bool, bool) {
        let from = |session: Label| lookups.bucket(session, &bucket.name).is_some();
        (lookups.credential(id).is_some(), from(Label::LOWEST), from(level(64)))
    }

    #[test]
    fn a_change_is_felt_where_it_can_be_seen_and_nowhere_else() {
        let deleted = Change::BucketDeleted { bucket: BucketId([1; 16]) };
        let aborted = Change::UploadAborted { bucket: BucketId([1; 16]), upload: UploadId([3; 16]) };
        for (label, change, expected) in [
            (Label::LOWEST, &aborted, (true, true, true)),
            (Label::LOWEST, &deleted, (true, false, false)),
            (level(64), &deleted, (true, true, false)),
            (level(65), &deleted, (true, true, true)),
        ] {
            let filled = filled();
            filled.0.shown(Some(label), [change]);
            assert_eq!(known(&filled), expected, "{change:?} at {label:?}");
        }
    }

    #[test]
    fn a_revoked_key_is_forgotten_and_no_other() {
        let filled = filled();
        let before = filled.0.turn_of_people();
        let revoked = |id: &str| Change::KeyRevoked { id: AccessKeyId(id.into()), at: Timestamp(1) };
        filled.0.shown(None, [&revoked("ENTE2")]);
        assert_eq!(known(&filled), (true, true, true));
        filled.0.shown(None, [&revoked("ENTE1")]);
        assert_eq!(known(&filled), (false, true, true));
        filled.0.keep_credential(before, &filled.1, &credential(&filled.1));
        assert!(filled.0.credential(&filled.1).is_none(), "it was read before it was revoked");
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let (lookups, _, bucket) = filled();
        let before = [Label::LOWEST, level(64)].map(|session| (session, lookups.turn(session)));
        lookups.shown(Some(level(64)), [&Change::BucketDeleted { bucket: bucket.id }]);
        for (session, turn) in before {
            lookups.keep_bucket(turn, session, &bucket);
        }
        assert!(lookups.bucket(level(64), &bucket.name).is_none());
        assert!(lookups.bucket(Label::LOWEST, &bucket.name).is_some(), "nothing happened that is seen there");
    }

    #[test]
    fn what_a_bucket_says_about_others_is_read_again_after_a_change_of_its_label() {
        let (lookups, _, bucket) = filled();
        let grants = Change::BucketSet { bucket: bucket.id, setting: BucketSetting::Grants(model::Grants::default()) };
        let before = lookups.turn(bucket.label);
        lookups.keep_access(before, &bucket, &Arc::default());
        lookups.shown(Some(level(64)), [&grants]);
        assert!(lookups.access(&bucket).is_some(), "nothing happened at its label");
        lookups.shown(Some(bucket.label), [&grants]);
        assert!(lookups.access(&bucket).is_none());
        lookups.keep_access(before, &bucket, &Arc::default());
        assert!(lookups.access(&bucket).is_none(), "it was read before the change");
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let lookups = Lookups::default();
        let lowest = Label::LOWEST;
        lookups.keep_bucket(lookups.turn(level(64)), level(64), &bucket("above"));
        for number in 0..=ENTRIES_MAX {
            lookups.keep_bucket(lookups.turn(lowest), lowest, &bucket(&format!("bucket-{number}")));
        }
        assert!(lookups.held().buckets.len() <= ENTRIES_MAX + 1);
        assert!(lookups.bucket(level(64), &BucketName::parse("above").unwrap()).is_some(), "another label's place");
        assert!(lookups.bucket(lowest, &BucketName::parse(&format!("bucket-{ENTRIES_MAX}")).unwrap()).is_some());
    }
}
