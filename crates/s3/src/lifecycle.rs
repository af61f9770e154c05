//! Lifecycle configurations: documents both ways, checked as S3 checks them, and what answers about
//! objects say of their end.

use std::collections::BTreeSet;

use http::{HeaderMap, StatusCode};
use model::lifecycle::{Expiration, Filter, FilterForm, Noncurrent, Rule, RuleState};
use model::{Aspect, BucketSetting, Lifecycle, Tags, Timestamp};
use policy::{ReadSettings, WriteSettings};
use s3s::dto::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration, Tag,
};

use crate::door::Call;
use crate::error::{Code, Failure};
use crate::response::{self, Answer};
use crate::{tagging, text, xml};

/// Most rules of one bucket, and most characters of a rule's id, as S3 documents.
const RULES_MAX: usize = 1000;
const ID_MAX: usize = 255;
const TAGS_MAX: usize = 10;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// `x-amz-expiration`: when the object goes, and by which rule.
pub(crate) fn write_expiration(expiry: Option<(Timestamp, String)>, headers: &mut HeaderMap) {
    if let Some((at, rule)) = expiry {
        let rule = text::percent_encode(&rule, "");
        let value = format!("expiry-date=\"{}\", rule-id=\"{rule}\"", text::http_date(at));
        response::set(headers, "x-amz-expiration", &value);
    }
}

pub(crate) async fn get(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, permit) = call.on_bucket::<ReadSettings>().await?;
    match call.engine().bucket_setting(permit, Aspect::Lifecycle).await? {
        BucketSetting::Lifecycle(lifecycle) if !lifecycle.rules.is_empty() => {
            let rules = lifecycle.rules.into_iter().map(shown).collect();
            response::document(&BucketLifecycleConfiguration { rules })
        }
        _ => Err(Code::NoSuchLifecycleConfiguration.into()),
    }
}

pub(crate) async fn put(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let lifecycle = read(document, || hex::encode(call.door.outside.random::<16>()))?;
    set(call, lifecycle, StatusCode::OK).await
}

pub(crate) async fn delete(call: &Call<'_>) -> Result<Answer, Failure> {
    set(call, Lifecycle::default(), StatusCode::NO_CONTENT).await
}

async fn set(call: &Call<'_>, lifecycle: Lifecycle, status: StatusCode) -> Result<Answer, Failure> {
    let (_, permit) = call.on_bucket::<WriteSettings>().await?;
    call.engine().set_bucket_setting(permit, BucketSetting::Lifecycle(lifecycle)).await?;
    Ok(response::status(status))
}

fn shown(rule: Rule) -> LifecycleRule {
    let status = match rule.state {
        RuleState::Enabled => ExpirationStatus::ENABLED,
        RuleState::Disabled => ExpirationStatus::DISABLED,
    };
    let (prefix, filter) = match rule.filter.form {
        FilterForm::Prefix => (Some(rule.filter.prefix.unwrap_or_default()), None),
        FilterForm::Filter => (None, Some(shown_filter(rule.filter))),
    };
    let expiration = rule.expiration.map(|expiration| {
        let nothing = LifecycleExpiration { date: None, days: None, expired_object_delete_marker: None };
        match expiration {
            Expiration::Days(days) => LifecycleExpiration { days: i32::try_from(days).ok(), ..nothing },
            Expiration::Date(at) => LifecycleExpiration { date: Some(text::document_date(at)), ..nothing },
            Expiration::Markers => LifecycleExpiration { expired_object_delete_marker: Some(true), ..nothing },
        }
    });
    LifecycleRule {
        abort_incomplete_multipart_upload: rule
            .abort_days
            .map(|days| AbortIncompleteMultipartUpload { days_after_initiation: i32::try_from(days).ok() }),
        expiration,
        filter,
        id: Some(rule.id),
        noncurrent_version_expiration: rule.noncurrent.map(|Noncurrent { days, keep }| NoncurrentVersionExpiration {
            newer_noncurrent_versions: i32::try_from(keep).ok().filter(|keep| *keep > 0),
            noncurrent_days: i32::try_from(days).ok(),
        }),
        noncurrent_version_transitions: None,
        prefix,
        status: ExpirationStatus::from_static(status),
        transitions: None,
    }
}

/// Several conditions stand in an `And`, one alone as itself.
fn shown_filter(filter: Filter) -> LifecycleRuleFilter {
    let Filter { prefix, tags, larger_than, smaller_than, .. } = filter;
    let mut tags: Vec<Tag> = tagging::document(&tags).tag_set;
    let size = |bound: Option<u64>| bound.and_then(|bound| i64::try_from(bound).ok());
    let (greater, less) = (size(larger_than), size(smaller_than));
    let conditions =
        usize::from(prefix.is_some()) + tags.len() + usize::from(greater.is_some()) + usize::from(less.is_some());
    if conditions > 1 {
        let and = LifecycleRuleAndOperator {
            object_size_greater_than: greater,
            object_size_less_than: less,
            prefix,
            tags: Some(tags),
        };
        return LifecycleRuleFilter { and: Some(and), ..LifecycleRuleFilter::default() };
    }
    LifecycleRuleFilter {
        object_size_greater_than: greater,
        object_size_less_than: less,
        prefix,
        tag: tags.pop(),
        ..LifecycleRuleFilter::default()
    }
}

/// Reads a document; rules without an id get one.
pub(crate) fn read(document: &[u8], fresh_id: impl Fn() -> String) -> Result<Lifecycle, Failure> {
    let BucketLifecycleConfiguration { rules } = xml::read(document)?;
    if rules.is_empty() || rules.len() > RULES_MAX {
        return Err(Code::MalformedXML.into());
    }
    let rules = rules.into_iter().map(|rule| read_rule(rule, &fresh_id)).collect::<Result<Vec<_>, _>>()?;
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    if ids.len() < rules.len() {
        return Err(Failure::because(
            Code::InvalidArgument,
            "Rule ID must be unique. Found same ID for more than one rule",
        ));
    }
    Ok(Lifecycle { rules })
}

fn read_rule(rule: LifecycleRule, fresh_id: impl Fn() -> String) -> Result<Rule, Failure> {
    refuse_transitions(&rule)?;
    let id = rule.id.filter(|id| !id.is_empty()).unwrap_or_else(fresh_id);
    if id.chars().count() > ID_MAX {
        return Err(Failure::because(
            Code::InvalidArgument,
            format!("ID length should not exceed allowed limit of {ID_MAX}"),
        ));
    }
    let state = match rule.status.as_str() {
        ExpirationStatus::ENABLED => RuleState::Enabled,
        ExpirationStatus::DISABLED => RuleState::Disabled,
        _ => return Err(Code::MalformedXML.into()),
    };
    let filter = match (rule.prefix, rule.filter) {
        (Some(prefix), None) => Filter { prefix: Some(prefix), ..nothing(FilterForm::Prefix) },
        (None, Some(filter)) => read_filter(filter)?,
        (Some(_), Some(_)) | (None, None) => return Err(Code::MalformedXML.into()),
    };
    let expiration = rule.expiration.map(read_expiration).transpose()?;
    let noncurrent = rule.noncurrent_version_expiration.as_ref().map(read_noncurrent).transpose()?;
    let abort_days = rule
        .abort_incomplete_multipart_upload
        .map(|abort| days("DaysAfterInitiation", abort.days_after_initiation.ok_or(Code::MalformedXML)?))
        .transpose()?;
    if expiration.is_none() && noncurrent.is_none() && abort_days.is_none() {
        let message = "At least one action needs to be specified in a rule";
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    if expiration == Some(Expiration::Markers) && !filter.tags.0.is_empty() {
        let message = "ExpiredObjectDeleteMarker cannot be specified with Tags.";
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    if abort_days.is_some() && filter.is_about_versions() {
        let message = "AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes.";
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    Ok(Rule { id, state, filter, expiration, noncurrent, abort_days })
}

/// There is one storage class. What makes no sense anywhere is told so first.
fn refuse_transitions(rule: &LifecycleRule) -> Result<(), Failure> {
    for transition in rule.transitions.iter().flatten() {
        match (transition.date.clone(), transition.days) {
            (Some(date), None) => drop(midnight(date)?),
            (None, Some(_)) => {}
            _ => return Err(Code::MalformedXML.into()),
        }
    }
    match rule.transitions.is_some() || rule.noncurrent_version_transitions.is_some() {
        true => Err(Failure::not_implemented("A transition to another storage class")),
        false => Ok(()),
    }
}

fn midnight(date: s3s::dto::Date) -> Result<Timestamp, Failure> {
    let at = text::from_document_date(date);
    match at.0.rem_euclid(DAY_MS) {
        0 => Ok(at),
        _ => Err(Failure::because(Code::InvalidArgument, "'Date' must be at midnight GMT")),
    }
}

fn nothing(form: FilterForm) -> Filter {
    Filter { form, prefix: None, tags: Tags::default(), larger_than: None, smaller_than: None }
}

/// One condition, or an `And` of several; none is all objects.
fn read_filter(filter: LifecycleRuleFilter) -> Result<Filter, Failure> {
    let LifecycleRuleFilter { and, object_size_greater_than, object_size_less_than, prefix, tag, .. } = filter;
    let alone = usize::from(and.is_some())
        + usize::from(object_size_greater_than.is_some())
        + usize::from(object_size_less_than.is_some())
        + usize::from(prefix.is_some())
        + usize::from(tag.is_some());
    if alone > 1 {
        return Err(Code::MalformedXML.into());
    }
    let (greater, less, prefix, tags) = match and {
        None => (object_size_greater_than, object_size_less_than, prefix, tag.into_iter().collect()),
        Some(and) => {
            let tags = and.tags.unwrap_or_default();
            let sizes =
                usize::from(and.object_size_greater_than.is_some()) + usize::from(and.object_size_less_than.is_some());
            if usize::from(and.prefix.is_some()) + tags.len() + sizes < 2 {
                return Err(Code::MalformedXML.into());
            }
            (and.object_size_greater_than, and.object_size_less_than, and.prefix, tags)
        }
    };
    let size =
        |bound: Option<i64>| bound.map(u64::try_from).transpose().map_err(|_| Failure::from(Code::InvalidArgument));
    let (larger_than, smaller_than) = (size(greater)?, size(less)?);
    if let (Some(larger), Some(smaller)) = (larger_than, smaller_than)
        && larger >= smaller
    {
        let message = "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.";
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    let tags = tagging::of_documents(tags, TAGS_MAX)?;
    Ok(Filter { prefix, tags, larger_than, smaller_than, ..nothing(FilterForm::Filter) })
}

fn days(name: &str, days: i32) -> Result<u32, Failure> {
    let positive = u32::try_from(days).ok().filter(|days| *days > 0);
    positive.ok_or_else(|| {
        Failure::because(Code::InvalidArgument, format!("'{name}' for a lifecycle action must be a positive integer"))
    })
}

fn read_expiration(expiration: LifecycleExpiration) -> Result<Expiration, Failure> {
    let LifecycleExpiration { date, days: age, expired_object_delete_marker, .. } = expiration;
    match (date, age, expired_object_delete_marker) {
        (None, Some(age), None) => Ok(Expiration::Days(days("Days", age)?)),
        (Some(date), None, None) => Ok(Expiration::Date(midnight(date)?)),
        (None, None, Some(true)) => Ok(Expiration::Markers),
        _ => Err(Code::MalformedXML.into()),
    }
}

fn read_noncurrent(noncurrent: &NoncurrentVersionExpiration) -> Result<Noncurrent, Failure> {
    let NoncurrentVersionExpiration { newer_noncurrent_versions, noncurrent_days, .. } = *noncurrent;
    let age = days("NoncurrentDays", noncurrent_days.ok_or(Code::MalformedXML)?)?;
    let keep = match newer_noncurrent_versions {
        None => 0,
        Some(keep) => u32::try_from(keep).ok().filter(|keep| (1..=100).contains(keep)).ok_or_else(|| {
            let message = "'NewerNoncurrentVersions' must be a positive integer of at most 100";
            Failure::because(Code::InvalidArgument, message)
        })?,
    };
    Ok(Noncurrent { days: age, keep })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &str) -> Result<Lifecycle, Code> {
        let document = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
        read(document.as_bytes(), || "fresh".to_owned()).map_err(|failure| failure.code())
    }

    fn rule(inner: &str) -> String {
        format!("<Rule><ID>a</ID><Status>Enabled</Status>{inner}</Rule>")
    }

    const DAYS: &str = "<Expiration><Days>1</Days></Expiration>";

    #[test]
    fn what_is_kept_is_given_back() {
        for inner in [
            format!("<Prefix>logs/</Prefix>{DAYS}"),
            format!("<Filter><Prefix>logs/</Prefix></Filter>{DAYS}"),
            format!("<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>{DAYS}"),
            format!("<Filter><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></Filter>{DAYS}"),
            format!(
                "<Filter><And><Prefix>p</Prefix><Tag><Key>a</Key><Value>b</Value></Tag><ObjectSizeLessThan>9\
                 </ObjectSizeLessThan></And></Filter>{DAYS}"
            ),
            "<Filter/><Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration>".to_owned(),
            "<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>".to_owned(),
            "<Filter/><NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>2\
             </NewerNoncurrentVersions></NoncurrentVersionExpiration>"
                .to_owned(),
            "<Filter/><AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation>\
             </AbortIncompleteMultipartUpload>"
                .to_owned(),
        ] {
            let lifecycle = check(&rule(&inner)).unwrap();
            let rules = lifecycle.rules.iter().cloned().map(shown).collect();
            let again = xml::write(&BucketLifecycleConfiguration { rules }).unwrap();
            assert_eq!(read(&again, String::new).unwrap(), lifecycle, "{inner}");
        }
        let without = check(&format!("<Rule><Status>Disabled</Status><Prefix/>{DAYS}</Rule>")).unwrap();
        assert_eq!((without.rules[0].id.as_str(), without.rules[0].state), ("fresh", RuleState::Disabled));
    }

    #[test]
    fn what_makes_no_sense_is_refused_as_s3_refuses_it() {
        use Code::{InvalidArgument, InvalidRequest, MalformedXML, NotImplemented};
        let twice = rule(&format!("<Prefix>a</Prefix>{DAYS}")).repeat(2);
        let long = rule(&format!("<Prefix/>{DAYS}")).replace("<ID>a", &format!("<ID>{}", "x".repeat(256)));
        let status = rule(&format!("<Prefix/>{DAYS}")).replace("Enabled", "enabled");
        let tag = "<Tag><Key>a</Key><Value>b</Value></Tag>";
        for (rules, code) in [
            (String::new(), MalformedXML),
            (twice, InvalidArgument),
            (long, InvalidArgument),
            (status, MalformedXML),
            (rule(DAYS), MalformedXML),
            (rule(&format!("<Prefix/><Filter/>{DAYS}")), MalformedXML),
            (rule("<Prefix/>"), InvalidRequest),
            (rule("<Prefix/><Expiration><Days>0</Days></Expiration>"), InvalidArgument),
            (rule("<Prefix/><Expiration><Date>2030-01-01T00:00:01Z</Date></Expiration>"), InvalidArgument),
            (rule("<Prefix/><Expiration><Date>20300101</Date></Expiration>"), MalformedXML),
            (rule(&format!("<Filter><Prefix>a</Prefix>{tag}</Filter>{DAYS}")), MalformedXML),
            (rule(&format!("<Filter><And>{tag}</And></Filter>{DAYS}")), MalformedXML),
            (
                rule("<Prefix/><Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>"),
                NotImplemented,
            ),
            (
                rule(&format!(
                    "<Filter>{tag}</Filter><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>\
                     </AbortIncompleteMultipartUpload>"
                )),
                InvalidRequest,
            ),
        ] {
            assert_eq!(check(&rules), Err(code), "{rules}");
        }
    }
}
