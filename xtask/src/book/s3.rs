//! What of S3 is served: the door's own table of operations, beside what Ceph's tests found.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail};

const TABLE: &str = "crates/s3/src/gate/table.rs";
const PASSING: &str = "docs/judged/s3-tests-passing.txt";
const FAILING: &str = "docs/judged/s3-tests-failing.md";
const JUDGED: &str = "docs/judged/s3-tests.md";

/// The operations of S3's interface, as Amazon's own library names them (botocore 1.43), without those that only name
/// another one's older form, and without those of directory buckets, access points and tables.
const ALL: &str = "
AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket CreateMultipartUpload DeleteBucket
DeleteBucketAnalyticsConfiguration DeleteBucketCors DeleteBucketEncryption DeleteBucketIntelligentTieringConfiguration
DeleteBucketInventoryConfiguration DeleteBucketLifecycle DeleteBucketMetricsConfiguration DeleteBucketOwnershipControls
DeleteBucketPolicy DeleteBucketReplication DeleteBucketTagging DeleteBucketWebsite DeleteObject DeleteObjectTagging
DeleteObjects DeletePublicAccessBlock GetBucketAccelerateConfiguration GetBucketAcl GetBucketAnalyticsConfiguration
GetBucketCors GetBucketEncryption GetBucketIntelligentTieringConfiguration GetBucketInventoryConfiguration
GetBucketLifecycleConfiguration GetBucketLocation GetBucketLogging GetBucketMetricsConfiguration
GetBucketNotificationConfiguration GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketReplication
GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite GetObject GetObjectAcl GetObjectAttributes
GetObjectLegalHold GetObjectLockConfiguration GetObjectRetention GetObjectTagging GetObjectTorrent GetPublicAccessBlock
HeadBucket HeadObject ListBucketAnalyticsConfigurations ListBucketIntelligentTieringConfigurations
ListBucketInventoryConfigurations ListBucketMetricsConfigurations ListBuckets ListMultipartUploads ListObjectVersions
ListObjects ListObjectsV2 ListParts PutBucketAccelerateConfiguration PutBucketAcl PutBucketAnalyticsConfiguration
PutBucketCors PutBucketEncryption PutBucketIntelligentTieringConfiguration PutBucketInventoryConfiguration
PutBucketLifecycleConfiguration PutBucketLogging PutBucketMetricsConfiguration PutBucketNotificationConfiguration
PutBucketOwnershipControls PutBucketPolicy PutBucketReplication PutBucketRequestPayment PutBucketTagging
PutBucketVersioning PutBucketWebsite PutObject PutObjectAcl PutObjectLegalHold PutObjectLockConfiguration
PutObjectRetention PutObjectTagging PutPublicAccessBlock RestoreObject SelectObjectContent UploadPart UploadPartCopy
";

/// Not an operation in Amazon's own list: the upload by a form of a page.
const FORM: &str = "PostObject";

/// What the door's table does not say: operations that only tell what there is not, or take one value alone.
const NOTES: &[(&str, &str)] = &[
    ("DeleteBucketEncryption", "changes nothing: everything stays encrypted"),
    ("DeleteBucketPolicy", "there never is one"),
    ("DeleteBucketReplication", "there never is one"),
    ("DeleteBucketWebsite", "there never is one"),
    ("GetBucketAccelerateConfiguration", "always empty"),
    ("GetBucketEncryption", "always AES256"),
    ("GetBucketLogging", "always empty"),
    ("GetBucketNotificationConfiguration", "always empty"),
    ("GetBucketPolicy", "always that there is none"),
    ("GetBucketReplication", "always that there is none"),
    ("GetBucketRequestPayment", "always `BucketOwner`"),
    ("GetBucketWebsite", "always that there is none"),
    ("ListBuckets", "buckets at or below the session's label"),
    ("PostObject", "upload forms; the policy signed by version 4 or 2"),
    ("PutBucketEncryption", "AES256 alone"),
    ("PutBucketRequestPayment", "`BucketOwner` alone"),
];

/// Of what a test is, by the first word that its name holds.
const TOPICS: &[(&str, &[&str])] = &[
    ("upload forms", &["post_object"]),
    ("encryption", &["sse", "enc", "kms"]),
    ("bucket policies", &["policy"]),
    ("lifecycle", &["lifecycle"]),
    ("object lock", &["lock", "retention", "legal_hold"]),
    ("multipart uploads", &["multipart", "upload_part", "part"]),
    ("copies", &["copy"]),
    ("versions", &["version"]),
    ("tags", &["tag"]),
    ("checksums and attributes", &["checksum", "attributes", "crc"]),
    ("CORS", &["cors"]),
    ("access control lists, ownership, public access", &["acl", "access", "ownership", "public", "grant"]),
    (
        "conditions",
        &["ifmatch", "ifnonematch", "ifmodified", "ifunmodified", "if_match", "if_none_match", "conditional"],
    ),
    ("listings", &["list", "delimiter", "marker", "prefix"]),
    ("presigned and anonymous requests", &["raw", "anon", "presigned"]),
    ("buckets", &["bucket"]),
    ("objects", &["object", "atomic", "ranged", "100_continue", "delete", "get", "put"]),
    ("everything else", &[""]),
];

/// An operation that the door serves.
struct Served {
    name: String,
    query: Vec<String>,
    conditions: Vec<String>,
}

pub fn page() -> Result<String> {
    let served = served(&fs::read_to_string(TABLE).with_context(|| TABLE.to_owned())?)?;
    let passing = fs::read_to_string(PASSING).with_context(|| PASSING.to_owned())?;
    let failing = failing(&fs::read_to_string(FAILING).with_context(|| FAILING.to_owned())?);
    let judged = fs::read_to_string(JUDGED).with_context(|| JUDGED.to_owned())?;
    let mut text = String::from(
        "# S3 compatibility\n\nWritten by `cargo xtask book` from the door's own table of operations and from what \
         Ceph's s3-tests found.\n\nAn operation is served as Amazon documents it, within the query parameters, headers \
         and conditions that the door knows for it. Whatever else has a meaning to S3 (an operation, a parameter, an \
         `x-amz-` header) is refused, with `NotImplemented` in most cases, and never passed over. Requests are signed by \
         Signature Version 4. Browsers' questions about other origins (CORS) are answered.\n",
    );
    operations(&mut text, &served)?;
    tests(&mut text, &passing, &failing, &judged)?;
    Ok(text)
}

fn operations(text: &mut String, served: &[Served]) -> Result<()> {
    let all: Vec<&str> = ALL.split_whitespace().collect();
    if let Some(unknown) = served.iter().find(|one| one.name != FORM && !all.contains(&one.name.as_str())) {
        bail!("{TABLE} serves `{}`, which is none of S3's operations known here: name it in xtask", unknown.name);
    }
    let note = |name: &str| NOTES.iter().find(|(noted, _)| *noted == name).map_or("", |(_, note)| note);
    let refused: Vec<&str> = all.iter().copied().filter(|name| served.iter().all(|one| one.name != *name)).collect();
    let count = served.iter().filter(|one| one.name != FORM).count();
    write!(
        text,
        "\n## Operations\n\n{count} of {} and upload forms are served.\n\n| operation | query parameters | conditions | mind |\n\
         |---|---|---|---|\n",
        all.len()
    )?;
    let listed = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ");
    let mut sorted: Vec<&Served> = served.iter().collect();
    sorted.sort_by_key(|one| &one.name);
    for one in sorted {
        let (query, conditions) = (listed(&one.query), listed(&one.conditions));
        writeln!(text, "| {} | {query} | {conditions} | {} |", one.name, note(&one.name))?;
    }
    writeln!(text, "\nNot served: {}.", refused.join(", "))?;
    Ok(())
}

fn tests(text: &mut String, passing: &str, failing: &[(String, Vec<String>)], judged: &str) -> Result<()> {
    let last =
        judged.lines().rfind(|line| line.starts_with("| 20")).context("no judgement in docs/judged/s3-tests.md")?;
    let cells: Vec<&str> = last.trim_matches('|').split('|').map(str::trim).collect();
    let [date, commit, passed, _, _, portable, ..] = cells.as_slice() else { bail!("what is `{last}`?") };
    write!(
        text,
        "\n## Ceph's s3-tests\n\nLast judged {date} UTC at {commit}: {passed} passed, {} that the suite \
         calls portable ([how](judged/s3-tests.md)). By what the tests are about:\n\n| about | pass | portable, and fail \
         |\n|---|---|---|\n",
        portable.replace("of ", "of the ")
    )?;
    let mut counts: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for name in passing.lines().filter(|line| !line.is_empty()) {
        counts.entry(topic(name)).or_default().0 += 1;
    }
    for name in failing.iter().flat_map(|(_, names)| names) {
        counts.entry(topic(name)).or_default().1 += 1;
    }
    for (index, (pass, fail)) in counts {
        let about = TOPICS.get(index).map_or("", |(about, _)| about);
        writeln!(text, "| {about} | {pass} | {fail} |")?;
    }
    text.push_str("\nWhy those fail ([name by name](judged/s3-tests-failing.md)):\n\n| reason | tests |\n|---|---|\n");
    for (reason, names) in failing {
        writeln!(text, "| {reason} | {} |", names.len())?;
    }
    Ok(())
}

/// The first topic that has a word of the name; the last has every name.
fn topic(name: &str) -> usize {
    let name = name.rsplit("::").next().unwrap_or(name).to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    TOPICS.iter().position(|(_, words)| has(words)).unwrap_or(TOPICS.len() - 1)
}

/// Reads the rows of `operations! { … }`.
fn served(source: &str) -> Result<Vec<Served>> {
    let (_, rows) = source.split_once("\noperations! {\n").context("no `operations!` in the gate's table")?;
    let (rows, _) = rows.split_once("\n}\n").context("`operations!` does not end")?;
    let rows: Vec<&str> = rows.split('}').map(str::trim).filter(|row| !row.is_empty()).collect();
    rows.iter()
        .map(|row| {
            let (name, fields) = row.split_once('{').with_context(|| format!("what is `{row}`?"))?;
            let field = |field: &str| {
                let (_, rest) =
                    fields.split_once(&format!("{field}: ")).with_context(|| format!("no `{field}` in `{row}`"))?;
                words(rest, source)
            };
            Ok(Served { name: name.trim().to_owned(), query: field("query")?, conditions: field("conditions")? })
        })
        .collect()
}

/// The words of a list that begins here, or of the constant that is named here.
fn words(rest: &str, source: &str) -> Result<Vec<String>> {
    let list = if let Some(list) = rest.strip_prefix("&[") {
        list
    } else {
        let name = rest.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_').next().unwrap_or("");
        let (_, value) = source
            .split_once(&format!("\nconst {name}: &[&str] = &["))
            .with_context(|| format!("`{name}` is no list in the gate's table"))?;
        value
    };
    let (list, _) = list.split_once(']').context("a list does not end")?;
    Ok(list.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

/// Headings of reasons, each with the tests named below it.
fn failing(page: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in page.lines() {
        if let Some(reason) = line.strip_prefix("## ") {
            found.push((reason.to_owned(), Vec::new()));
        } else if let (Some(name), Some((_, names))) = (line.strip_prefix("- `"), found.last_mut()) {
            names.push(name.trim_end_matches('`').to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_table_are_read() {
        let source = "const WRITES: &[&str] = &[\"if-match\"];\n\noperations! {\n    A { body: None, query: &[], \
                      headers: &[], conditions: WRITES, metadata: Refused }\n    B {\n        body: Stream, query: \
                      &[\"one\", \"two\"],\n        headers: &[X], conditions: &[], metadata: Taken\n    }\n}\n";
        let source = format!("\n{source}");
        let rows = served(&source).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.query.len(), row.conditions.len())).collect();
        assert_eq!(told, [("A", 0, 1), ("B", 2, 0)]);
        assert!(served(&source.replace("WRITES,", "OTHERS,")).is_err());
    }

    #[test]
    fn every_test_has_a_topic_and_reasons_have_their_tests() {
        assert_eq!(TOPICS[topic("test_s3.py::test_sse_kms_present")].0, "encryption");
        assert_eq!(TOPICS[topic("test_s3.py::test_zzz")].0, "everything else");
        let found = failing("# Those\n\n## One\n\nWhy.\n\n- `a::b`\n- `a::c`\n\n## Two\n\n- `a::d`\n");
        assert_eq!(
            found.iter().map(|(reason, names)| (reason.as_str(), names.len())).collect::<Vec<_>>(),
            [("One", 2), ("Two", 1)]
        );
    }
}
