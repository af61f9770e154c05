//! `entente bucket list | show | create`.

use std::fmt::Write;

use http::Method;

use super::client::{Business, Client};
use super::{Output, table};
use crate::api::wire::{BucketInfo, Buckets, NewBucket};
use crate::args::{AskerArgs, CreateBucketArgs};
use crate::failure::{Exit, Failure};

pub fn list(asker: &AskerArgs, output: Output) -> Result<(), Failure> {
    let found: Buckets = Client::asked(asker)?.list("/api/v1/buckets")?;
    if found.buckets.is_empty() {
        return output.done(&found, "There is no bucket, or none that you may see: `entente bucket create` makes one.");
    }
    output.show(&found, || rows(&found.buckets))
}

/// One of each label that has the name.
pub fn show(asker: &AskerArgs, name: &str, output: Output) -> Result<(), Failure> {
    let mut found: Buckets = Client::asked(asker)?.list("/api/v1/buckets")?;
    found.buckets.retain(|bucket| bucket.name == name);
    if found.buckets.is_empty() {
        let why = format!("there is no bucket `{name}`, or none that you may see: see `entente bucket list`");
        return Err(Failure::new(Exit::Absent, why));
    }
    output.show(&found, || found.buckets.iter().map(described).collect::<Vec<_>>().join("\n"))
}

pub fn create(args: &CreateBucketArgs, output: Output) -> Result<(), Failure> {
    let wanted = NewBucket { name: args.name.clone(), profile: args.profile.clone() };
    let client = Client::signed(&args.signer, Business::Owners)?;
    let made: BucketInfo = client.ask(Method::POST, "/api/v1/buckets", &wanted)?;
    output.show(&made, || rows(std::slice::from_ref(&made)))
}

fn rows(buckets: &[BucketInfo]) -> String {
    let row = |bucket: &BucketInfo| {
        let BucketInfo { name, label, profile, owner, versioning, created, objects, bytes, counted: _ } = bucket;
        let [name, label, profile, versioning, created] =
            [name, label, profile, versioning, created].map(String::clone);
        let owner = owner.clone().unwrap_or_else(|| "-".to_owned());
        [name, label, owner, profile, versioning, figure(*objects), figure(*bytes), created]
    };
    let rows: Vec<_> = buckets.iter().map(row).collect();
    table(["BUCKET", "LABEL", "OWNER", "PROFILE", "VERSIONING", "OBJECTS", "BYTES", "CREATED"], &rows)
}

/// The background counts, and had no time for it yet in what was made just now.
fn figure(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

fn described(bucket: &BucketInfo) -> String {
    let BucketInfo { name, label, profile, owner, versioning, created, objects, bytes, counted } = bucket;
    let owner = owner.clone().unwrap_or_else(|| "somebody your key is not told of".to_owned());
    let counted = counted.as_deref().unwrap_or("not yet");
    let mut text = format!("{name} at {label}\n");
    for (what, is) in [
        ("owner", &owner),
        ("profile", profile),
        ("versioning", versioning),
        ("objects", &figure(*objects)),
        ("bytes", &figure(*bytes)),
        ("counted", &counted.to_owned()),
        ("created", created),
    ] {
        // Writing into memory cannot fail.
        let _ = writeln!(text, "  {what:<10}  {is}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_counted_yet_is_no_number() {
        let bucket = BucketInfo {
            name: "tea".to_owned(),
            label: "SECRET".to_owned(),
            profile: "quad".to_owned(),
            owner: Some("ana".to_owned()),
            created: "DATE".to_owned(),
            versioning: "off".to_owned(),
            objects: None,
            bytes: Some(5),
            counted: None,
        };
        assert_eq!(
            rows(std::slice::from_ref(&bucket)),
            "BUCKET  LABEL   OWNER  PROFILE  VERSIONING  OBJECTS  BYTES  CREATED\n\
             tea     SECRET  ana    quad     off         -        5      DATE\n"
        );
        assert_eq!(
            described(&bucket),
            "tea at SECRET\n  owner       ana\n  profile     quad\n  versioning  off\n  objects     -\n  bytes       5\n  \
             counted     not yet\n  created     DATE\n"
        );
    }
}
