//! The policy of a form: what its signer allowed. Every field of the form must be covered by one of
//! its conditions, and every condition must hold.

use std::ops::RangeInclusive;

use model::Timestamp;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Fields;
use crate::error::{Code, Failure};
use crate::limits::BODY_BYTES_MAX;
use crate::text;

pub(crate) struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Equals { field: String, value: String },
    StartsWith { field: String, prefix: String },
    Length(RangeInclusive<u64>),
}

/// Fields that prove the policy, and so are not covered by it; and those nobody looks at.
fn needs_no_cover(name: &str) -> bool {
    const PROOF: [&str; 4] = ["policy", "signature", "x-amz-signature", "awsaccesskeyid"];
    // A checksum allows nothing more: it refuses a file that was not meant.
    PROOF.contains(&name) || name.starts_with("x-ignore-") || name.starts_with("x-amz-checksum-")
}

fn invalid(what: &str) -> Failure {
    Failure::because(Code::InvalidPolicyDocument, format!("Invalid Policy: {what}"))
}

fn denied(what: &str) -> Failure {
    Failure::because(Code::AccessDenied, format!("Invalid according to Policy: {what}"))
}

impl Policy {
    /// Reads a policy as the form carries it, in base64.
    pub(crate) fn parse(encoded: &str) -> Result<Policy, Failure> {
        let bytes = text::from_base64(encoded.trim()).ok_or_else(|| invalid("it is not base64."))?;
        let document: Value = serde_json::from_slice(&bytes).map_err(|_| invalid("Invalid JSON."))?;
        let expiration = document.get("expiration").and_then(Value::as_str);
        let expiration = expiration.ok_or_else(|| invalid("Policy missing expiration."))?;
        let conditions = document.get("conditions").and_then(Value::as_array);
        let conditions = conditions.ok_or_else(|| invalid("Policy missing conditions."))?;
        if conditions.is_empty() {
            return Err(invalid("an empty list of conditions allows nothing."));
        }
        let conditions: Result<Vec<_>, _> = conditions.iter().map(condition).collect();
        Ok(Policy { expiration: moment(expiration)?, conditions: conditions?.into_iter().flatten().collect() })
    }

    /// Whether the form is what was allowed; gives how long its file may be.
    pub(crate) fn check(&self, fields: &Fields, bucket: &str, now: Timestamp) -> Result<RangeInclusive<u64>, Failure> {
        if now > self.expiration {
            return Err(denied("Policy expired."));
        }
        let value = |field: &str| match field {
            "bucket" => Some(bucket),
            field => fields.get(field),
        };
        let mut length = 0..=BODY_BYTES_MAX;
        for condition in &self.conditions {
            let (field, holds) = match condition {
                Condition::Length(range) => {
                    // Of several, all must hold.
                    length = *length.start().max(range.start())..=*length.end().min(range.end());
                    continue;
                }
                Condition::Equals { field, value: wanted } => (field, value(field) == Some(wanted)),
                // Whatever may come, or nothing.
                Condition::StartsWith { field, prefix } => {
                    (field, value(field).unwrap_or_default().starts_with(prefix.as_str()))
                }
            };
            if !holds {
                return Err(denied(&format!("Policy Condition failed: {field}")));
            }
        }
        let covered = |name: &str| {
            self.conditions.iter().any(|condition| match condition {
                Condition::Equals { field, .. } | Condition::StartsWith { field, .. } => field == name,
                Condition::Length(_) => false,
            })
        };
        if fields.get("bucket").is_some_and(|named| named != bucket) {
            return Err(denied("Policy Condition failed: bucket"));
        }
        match fields.0.iter().find(|(name, _)| !needs_no_cover(name) && !covered(name)) {
            Some((extra, _)) => Err(denied(&format!("Extra input fields: {extra}"))),
            None if !covered("bucket") => Err(denied("Policy Condition missing: bucket")),
            None => Ok(length),
        }
    }
}

/// `{"field": "value"}` is as many equalities as it has fields.
fn condition(value: &Value) -> Result<Vec<Condition>, Failure> {
    let malformed = || invalid("Invalid condition.");
    match value {
        Value::Object(pairs) if !pairs.is_empty() => {
            let equals = |(field, value): (&String, &Value)| {
                let value = value.as_str().ok_or_else(malformed)?.to_owned();
                Ok(Condition::Equals { field: field.to_ascii_lowercase(), value })
            };
            pairs.iter().map(equals).collect()
        }
        Value::Array(parts) => Ok(vec![operation(parts).ok_or_else(malformed)?]),
        _ => Err(malformed()),
    }
}

fn operation(parts: &[Value]) -> Option<Condition> {
    let [operator, first, second] = parts else { return None };
    let field = || Some(first.as_str()?.strip_prefix('$')?.to_ascii_lowercase());
    let text = || Some(second.as_str()?.to_owned());
    Some(match operator.as_str()?.to_ascii_lowercase().as_str() {
        "eq" => Condition::Equals { field: field()?, value: text()? },
        "starts-with" => Condition::StartsWith { field: field()?, prefix: text()? },
        "content-length-range" => Condition::Length(bytes(first)?..=bytes(second)?),
        _ => return None,
    })
}

/// A number, or one in quotes as some clients write it.
fn bytes(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn moment(text: &str) -> Result<Timestamp, Failure> {
    // RFC 3339 also knows blanks and offsets; S3 takes UTC in one form.
    let plain = text.ends_with('Z') && text.contains('T');
    let at = plain.then(|| OffsetDateTime::parse(text, &Rfc3339).ok()).flatten();
    let at = at.ok_or_else(|| invalid(&format!("Invalid 'expiration' value: '{text}'")))?;
    Ok(Timestamp(at.unix_timestamp().saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_445_412_480_000);

    fn check(expiration: &str, conditions: &str, fields: &[(&str, &str)]) -> Result<RangeInclusive<u64>, Code> {
        let document = format!(r#"{{"expiration": "{expiration}", "conditions": {conditions}}}"#);
        let fields = Fields(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        let policy = Policy::parse(&text::base64(document.as_bytes()));
        policy.and_then(|policy| policy.check(&fields, "tea", NOW)).map_err(|failure| failure.code())
    }

    const LATER: &str = "2015-10-21T08:00:00.000Z";
    const FORM: [(&str, &str); 2] = [("key", "green"), ("policy", "…")];

    #[test]
    fn a_form_is_taken_when_all_of_it_is_covered_and_every_condition_holds() {
        let covered = r#"[{"bucket": "tea"}, ["starts-with", "$key", "gr"]"#;
        let with = |more: &str| format!("{covered}{more}]");
        let all = Ok(0..=BODY_BYTES_MAX);
        let no = Err(Code::AccessDenied);
        let extra = |name, value| [FORM[0], FORM[1], (name, value)];
        assert_eq!(check(LATER, &with(""), &FORM), all);
        assert_eq!(check(LATER, &with(r#", ["content-length-range", 2, 9]"#), &FORM), Ok(2..=9));
        assert_eq!(check(LATER, &with(r#", ["content-length-range", "2", "9"]"#), &FORM), Ok(2..=9));
        assert_eq!(check(LATER, &with(r#", {"x-amz-meta-a": "1"}"#), &FORM), no);
        for (name, value) in [("acl", "public-read"), ("x-amz-meta-a", "1"), ("success_action_redirect", "http://x")] {
            assert_eq!(check(LATER, &with(""), &extra(name, value)), no, "{name} is not covered");
            let more = format!(r#", ["eQ", "${}", "{value}"]"#, name.to_uppercase());
            assert_eq!(check(LATER, &with(&more), &extra(name, value)), all, "{name} is covered");
            assert_eq!(check(LATER, &with(&more), &extra(name, "other")), no, "{name} is another");
        }
        assert_eq!(check(LATER, &with(""), &extra("x-ignore-me", "1")), all);
        assert_eq!(check(LATER, &with(""), &extra("bucket", "coffee")), no);
        assert_eq!(check(LATER, r#"[{"bucket": "coffee"}, ["starts-with", "$key", ""]]"#, &FORM), no);
        assert_eq!(check(LATER, r#"[["starts-with", "$key", ""]]"#, &FORM), no, "the bucket is not covered");
        assert_eq!(check("2015-10-21T07:00:00Z", &with(""), &FORM), no, "expired");
    }

    #[test]
    fn a_policy_that_is_none_is_refused() {
        for (expiration, conditions) in [
            ("2015-10-21 08:00:00+00:00", r#"[{"bucket": "tea"}]"#),
            ("", r#"[{"bucket": "tea"}]"#),
            (LATER, "[]"),
            (LATER, "{}"),
            (LATER, r#"["bucket"]"#),
            (LATER, r#"[["eq", "key", "a"]]"#),
            (LATER, r#"[["like", "$key", "a"]]"#),
            (LATER, r#"[["content-length-range", 0]]"#),
            (LATER, r#"[["content-length-range", -1, 0]]"#),
            (LATER, r#"[{"bucket": 1}]"#),
            (LATER, r#"[{}]"#),
        ] {
            assert_eq!(check(expiration, conditions, &FORM), Err(Code::InvalidPolicyDocument), "{conditions}");
        }
    }
}
