//! Why something is allowed or not: the very functions that decide, asked without anything being done.

use std::net::IpAddr;

use model::{AccessKeyId, Bucket, BucketName, KeyState, Label, ObjectKey, PrincipalId, Session, Which};
use policy::{Facts, Flow, Refusal, Standing, Step, SystemPermit, Target, Verdict, decide, decide_on_account, may_use};

use crate::api::Engine;
use crate::error::Error;

/// Who would do what.
#[derive(Clone, Debug)]
pub struct Question {
    pub principal: PrincipalId,
    /// With this key; with one of `label` when `None`.
    pub key: Option<AccessKeyId>,
    pub label: Label,
    /// From this address, where the key asks for one.
    pub from: Option<IpAddr>,
    pub action: Facts,
    pub bucket: Option<BucketName>,
    pub object: Option<ObjectKey>,
}

/// How it would be decided.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub session: Session,
    /// What the name means to the session.
    pub bucket: Option<Bucket>,
    pub verdict: Verdict,
    /// Of a write that is allowed: whether sites enough may hold it, and take it now.
    pub place: Option<Result<(), String>>,
    /// Labels at which a bucket of this name lies that the session cannot see, for a viewer who can.
    pub hidden: Vec<Label>,
}

impl Engine {
    /// Answers as the door would, for a viewer of this label.
    pub async fn explain(&self, _: &SystemPermit, viewer: Label, question: &Question) -> Result<Explanation, Error> {
        let inner = &self.inner;
        let principal = self.principal(question.principal).await?;
        let (label, standing) = match &question.key {
            None => (question.label, Standing::of(&principal, inner.settings.range)),
            Some(id) => {
                let key = inner.catalog.access_key(id).await?.filter(|key| key.principal == principal.id);
                let key = key.filter(|key| key.state == KeyState::Active).ok_or(Error::NoSuchAccessKey)?;
                (key.label, Standing { limits: key.limits, ..Standing::of(&principal, inner.settings.range) })
            }
        };
        let session = Session {
            principal: principal.id,
            access_key: question.key.clone(),
            role: Some(principal.role),
            groups: self.groups_of(principal.id).await?,
            label,
            policy_epoch: inner.catalog.policy_epoch(principal.id).await?,
        };
        let mut explanation = Explanation {
            session,
            bucket: None,
            verdict: Verdict { step: Step::Lattice, outcome: Err(Refusal::Absent) },
            place: None,
            hidden: Vec::new(),
        };
        let now = inner.outside.clock.now();
        if let Err(refusal) = may_use(&standing, &label, now, question.from) {
            let step = if refusal == Refusal::OutOfRange { Step::Ceiling } else { Step::Authenticate };
            explanation.verdict = Verdict { step, outcome: Err(refusal) };
            return Ok(explanation);
        }
        self.explain_target(viewer, question, &mut explanation).await?;
        if explanation.verdict.outcome.is_ok() && question.action.flow == Flow::Write {
            let bucket = explanation.bucket.as_ref();
            let profile = bucket.map_or(inner.settings.default_profile, |bucket| bucket.profile);
            let map = inner.sites.map(profile, Some(label), &[], 0);
            explanation.place = Some(map.map(drop).map_err(|under| under.to_string()));
        }
        Ok(explanation)
    }

    async fn explain_target(&self, viewer: Label, question: &Question, to: &mut Explanation) -> Result<(), Error> {
        let Some(name) = question.bucket.as_ref().filter(|_| question.action.target != Target::Account) else {
            to.verdict = decide_on_account(&to.session);
            return Ok(());
        };
        let duty = decide_on_account(&to.session);
        if duty.step == Step::Duty {
            to.verdict = duty;
            return Ok(());
        }
        let Some(bucket) = self.resolve(&to.session, name).await? else {
            let labels = self.inner.streams.labels();
            let visible = labels
                .into_iter()
                .filter(|label| viewer.dominates(label) && !to.session.label.dominates(label))
                .collect();
            let hidden = self.inner.catalog.buckets_named(visible, name).await?;
            to.hidden = hidden.into_iter().map(|bucket| bucket.label).collect();
            return Ok(());
        };
        let access = self.access(&bucket).await?;
        let list = match &question.object {
            Some(key) => self.object_acl(&bucket, key, Which::Current).await?,
            None => None,
        };
        to.verdict = decide(&to.session, &question.action, &bucket, &access, list.as_ref());
        to.bucket = Some(bucket);
        Ok(())
    }
}
