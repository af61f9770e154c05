//! Object Lock: of buckets as documents, of versions as documents and as headers.

use engine::LegalHold;
use http::{HeaderMap, StatusCode};
use model::{
    Aspect, Bucket, BucketSetting, DefaultRetention, Lock, LockMode, ObjectLock, Period, Retention, Timestamp, Which,
};
use policy::{BypassGovernance, Permit, ReadSettings, ReadVersion, WriteLock, WriteSettings};
use s3s::dto::{
    self, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockLegalHold, ObjectLockLegalHoldStatus,
    ObjectLockRetention, ObjectLockRetentionMode, ObjectLockRule,
};

use crate::door::Call;
use crate::error::{Code, Failure};
use crate::headers;
use crate::response::{self, Answer};
use crate::versioning::wanted;
use crate::{text, xml};

const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
const HOLD: &str = "x-amz-object-lock-legal-hold";
const BYPASS: &str = "x-amz-bypass-governance-retention";

/// Longest default retention, as S3 documents: 100 years.
const DAYS_MAX: i32 = 36_500;
const YEARS_MAX: i32 = 100;

/// What locks a new object from its first moment.
pub(crate) fn of_new(call: &Call<'_>) -> Result<Lock, Failure> {
    of_headers(&call.admitted.headers, call.door.outside.clock.now())
}

fn of_headers(headers: &HeaderMap, now: Timestamp) -> Result<Lock, Failure> {
    let retention = match (headers::get(headers, MODE), headers::get(headers, UNTIL)) {
        (None, None) => None,
        (Some(mode), Some(until)) => {
            let mode =
                mode_named(&mode).ok_or_else(|| Failure::argument(MODE, &mode, "Unknown wormMode directive."))?;
            let until = text::from_iso_date(&until).ok_or_else(|| {
                Failure::argument(UNTIL, &until, "The retain until date must be provided in ISO 8601 format")
            })?;
            Some(Retention { mode, until: in_future(until, now)? })
        }
        _ => {
            let message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
            return Err(Failure::because(Code::InvalidArgument, message));
        }
    };
    let legal_hold = match headers::get(headers, HOLD).as_deref() {
        None | Some("OFF") => false,
        Some("ON") => true,
        Some(other) => return Err(Failure::argument(HOLD, other, "Legal Hold must be either of 'ON' or 'OFF'")),
    };
    Ok(Lock { retention, legal_hold })
}

fn in_future(until: Timestamp, now: Timestamp) -> Result<Timestamp, Failure> {
    match until > now {
        true => Ok(until),
        false => Err(Failure::because(Code::InvalidArgument, "The retain until date must be in the future!")),
    }
}

fn mode_named(name: &str) -> Option<LockMode> {
    match name {
        ObjectLockRetentionMode::GOVERNANCE => Some(LockMode::Governance),
        ObjectLockRetentionMode::COMPLIANCE => Some(LockMode::Compliance),
        _ => None,
    }
}

const fn mode_name(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Governance => ObjectLockRetentionMode::GOVERNANCE,
        LockMode::Compliance => ObjectLockRetentionMode::COMPLIANCE,
    }
}

/// What a version's lock looks like on reads.
pub(crate) fn write_lock(lock: &Lock, headers: &mut HeaderMap) {
    if let Some(retention) = lock.retention {
        response::set(headers, MODE, mode_name(retention.mode));
        response::set(headers, UNTIL, &text::iso_date(retention.until));
    }
    if lock.legal_hold {
        response::set(headers, HOLD, "ON");
    }
}

/// The permit to go past governance, where the request says it does.
pub(crate) async fn bypass(
    call: &Call<'_>,
    bucket: &Bucket,
    key: &model::ObjectKey,
) -> Result<Option<Permit<BypassGovernance>>, Failure> {
    match headers::get(&call.admitted.headers, BYPASS).as_deref() {
        Some(value) if value.eq_ignore_ascii_case("true") => {
            let access = call.access_to(bucket).await?;
            Ok(Some(policy::on_shared_key(&call.session, bucket, &access, key.clone())?))
        }
        _ => Ok(None),
    }
}

pub(crate) async fn get_configuration(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, permit) = call.on_bucket::<ReadSettings>().await?;
    let BucketSetting::ObjectLock(ObjectLock::On { default }) =
        call.engine().bucket_setting(permit, Aspect::ObjectLock).await?
    else {
        return Err(Code::ObjectLockConfigurationNotFoundError.into());
    };
    let rule = |default: DefaultRetention| {
        let (days, years) = match default.period {
            Period::Days(days) => (i32::try_from(days).ok(), None),
            Period::Years(years) => (None, i32::try_from(years).ok()),
        };
        let mode = Some(ObjectLockRetentionMode::from_static(mode_name(default.mode)));
        ObjectLockRule { default_retention: Some(dto::DefaultRetention { days, mode, years }) }
    };
    response::document(&ObjectLockConfiguration {
        object_lock_enabled: Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED)),
        rule: default.map(rule),
    })
}

pub(crate) async fn put_configuration(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let lock = read_configuration(document)?;
    let (_, permit) = call.on_bucket::<WriteSettings>().await?;
    call.engine().set_bucket_setting(permit, BucketSetting::ObjectLock(lock)).await?;
    Ok(response::status(StatusCode::OK))
}

fn read_configuration(document: &[u8]) -> Result<ObjectLock, Failure> {
    let ObjectLockConfiguration { object_lock_enabled, rule } = xml::read(document)?;
    if object_lock_enabled.is_none_or(|enabled| enabled.as_str() != ObjectLockEnabled::ENABLED) {
        return Err(Code::MalformedXML.into());
    }
    let Some(rule) = rule else { return Ok(ObjectLock::On { default: None }) };
    let dto::DefaultRetention { days, mode, years } = rule.default_retention.ok_or(Code::MalformedXML)?;
    let mode = mode.and_then(|mode| mode_named(mode.as_str())).ok_or(Code::MalformedXML)?;
    let within = |value: i32, most: i32| {
        let invalid = || {
            let message = format!("Default retention period must be a positive integer value, at most {most}");
            Failure::because(Code::InvalidRetentionPeriod, message)
        };
        u32::try_from(value).ok().filter(|_| (1..=most).contains(&value)).ok_or_else(invalid)
    };
    let period = match (days, years) {
        (Some(days), None) => Period::Days(within(days, DAYS_MAX)?),
        (None, Some(years)) => Period::Years(within(years, YEARS_MAX)?),
        _ => return Err(Code::MalformedXML.into()),
    };
    Ok(ObjectLock::On { default: Some(DefaultRetention { mode, period }) })
}

/// What locks a version says nothing where none can be locked.
async fn lock_of(call: &Call<'_>) -> Result<Lock, Failure> {
    let (_, settings) = call.on_bucket::<ReadSettings>().await?;
    let aspect = call.engine().bucket_setting(settings, Aspect::ObjectLock).await?;
    if aspect == Aspect::ObjectLock.unset() {
        return Err(engine::Error::NoObjectLock.into());
    }
    let (_, permit) = call.on_object::<ReadVersion>().await?;
    Ok(call.engine().describe(permit, wanted(call)?).await?.lock)
}

pub(crate) async fn get_retention(call: &Call<'_>) -> Result<Answer, Failure> {
    let retention = lock_of(call).await?.retention.ok_or(Code::NoSuchObjectLockConfiguration)?;
    response::document(&ObjectLockRetention {
        mode: Some(ObjectLockRetentionMode::from_static(mode_name(retention.mode))),
        retain_until_date: Some(text::exact_date(retention.until)),
    })
}

pub(crate) async fn put_retention(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let retention = read_retention(document, call.door.outside.clock.now())?;
    let which: Which = wanted(call)?;
    let (bucket, permit) = call.on_object::<WriteLock>().await?;
    let bypass = bypass(call, &bucket, permit.object().1).await?;
    call.engine().set_retention(permit, which, retention, bypass).await?;
    Ok(response::status(StatusCode::OK))
}

/// An empty document takes the retention off.
fn read_retention(document: &[u8], now: Timestamp) -> Result<Option<Retention>, Failure> {
    let ObjectLockRetention { mode, retain_until_date } = xml::read(document)?;
    match (mode, retain_until_date) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => {
            let mode = mode_named(mode.as_str()).ok_or(Code::MalformedXML)?;
            Ok(Some(Retention { mode, until: in_future(text::from_document_date(until), now)? }))
        }
        _ => Err(Code::MalformedXML.into()),
    }
}

pub(crate) async fn get_legal_hold(call: &Call<'_>) -> Result<Answer, Failure> {
    let status = match lock_of(call).await?.legal_hold {
        true => ObjectLockLegalHoldStatus::ON,
        false => ObjectLockLegalHoldStatus::OFF,
    };
    let status = Some(ObjectLockLegalHoldStatus::from_static(status));
    response::document(&ObjectLockLegalHold { status })
}

pub(crate) async fn put_legal_hold(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let ObjectLockLegalHold { status } = xml::read(document)?;
    let hold = match status.as_ref().map(ObjectLockLegalHoldStatus::as_str) {
        Some(ObjectLockLegalHoldStatus::ON) => LegalHold::On,
        Some(ObjectLockLegalHoldStatus::OFF) => LegalHold::Off,
        _ => return Err(Code::MalformedXML.into()),
    };
    let which = wanted(call)?;
    let (_, permit) = call.on_object::<WriteLock>().await?;
    call.engine().set_legal_hold(permit, which, hold).await?;
    Ok(response::status(StatusCode::OK))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    #[test]
    fn a_new_object_is_locked_by_both_headers_or_none() {
        let check = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            pairs.iter().for_each(|(name, value)| response::set(&mut headers, name, value));
            of_headers(&headers, NOW).map_err(|failure| failure.code())
        };
        assert_eq!(check(&[]), Ok(Lock::default()));
        assert_eq!(check(&[(HOLD, "ON")]), Ok(Lock { retention: None, legal_hold: true }));
        let until = (UNTIL, "2030-01-01T00:00:00Z");
        let retention = Retention { mode: LockMode::Governance, until: Timestamp(1_893_456_000_000) };
        assert_eq!(check(&[(MODE, "GOVERNANCE"), until]).map(|lock| lock.retention), Ok(Some(retention)));
        for bad in [
            &[(MODE, "GOVERNANCE")][..],
            &[until],
            &[(MODE, "governance"), until],
            &[(MODE, "COMPLIANCE"), (UNTIL, "2001-01-01T00:00:00Z")],
            &[(MODE, "COMPLIANCE"), (UNTIL, "tomorrow")],
            &[(HOLD, "on")],
        ] {
            assert_eq!(check(bad), Err(Code::InvalidArgument), "{bad:?}");
        }
    }

    #[test]
    fn a_bucket_s_default_is_days_or_years() {
        let check = |rule: &str| {
            let document = format!(
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
            );
            read_configuration(document.as_bytes()).map_err(|failure| failure.code())
        };
        let rule = |inner: &str| check(&format!("<Rule><DefaultRetention>{inner}</DefaultRetention></Rule>"));
        assert_eq!(check(""), Ok(ObjectLock::On { default: None }));
        let default = DefaultRetention { mode: LockMode::Compliance, period: Period::Days(3) };
        assert_eq!(rule("<Mode>COMPLIANCE</Mode><Days>3</Days>"), Ok(ObjectLock::On { default: Some(default) }));
        for (inner, code) in [
            ("<Mode>COMPLIANCE</Mode><Days>0</Days>", Code::InvalidRetentionPeriod),
            ("<Mode>COMPLIANCE</Mode><Years>-1</Years>", Code::InvalidRetentionPeriod),
            ("<Mode>COMPLIANCE</Mode><Days>1</Days><Years>1</Years>", Code::MalformedXML),
            ("<Mode>COMPLIANCE</Mode>", Code::MalformedXML),
            ("<Mode>none</Mode><Days>1</Days>", Code::MalformedXML),
            ("<Days>1</Days>", Code::MalformedXML),
        ] {
            assert_eq!(rule(inner), Err(code), "{inner}");
        }
    }
}
