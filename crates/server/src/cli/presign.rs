//! `entente presign METHOD s3://BUCKET/KEY`.

use serde_json::json;
use time::OffsetDateTime;

use super::{Output, target};
use crate::args::PresignArgs;
use crate::config::{self, DEFAULT_REGION};
use crate::credentials::Credentials;
use crate::failure::{Exit, Failure};
use crate::run_file::RunFile;
use crate::sigv4::{self, EXPIRES_MAX_SECONDS, Presign};

pub fn run(args: &PresignArgs, output: Output) -> Result<(), Failure> {
    let wrong = |why: String| Failure::new(Exit::Usage, why);
    let path = path_of(&args.target)?;
    let expires_seconds = lifetime(&args.expires).ok_or_else(|| {
        wrong(format!("`{}` is no time a URL can hold: write one such as 15m, 12h or 7d, at most 7d", args.expires))
    })?;
    let dir = config::data_dir(&args.place)?;
    let (endpoint, region) = match &args.endpoint {
        Some(endpoint) => (endpoint.clone(), args.region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned())),
        None => {
            let run = RunFile::of_running(&dir)?;
            (run.s3_endpoint_elsewhere.unwrap_or(run.s3_endpoint), run.region)
        }
    };
    let file = args.credentials.clone().unwrap_or_else(|| dir.credentials());
    let key = Credentials::read(&file)?.ok_or_else(|| {
        wrong(format!("there is no `{}`: name the file of an access key with --credentials", file.display()))
    })?;
    let what = Presign {
        method: args.method.name(),
        endpoint: &endpoint,
        region: &region,
        path: &path,
        expires_seconds,
        at: OffsetDateTime::now_utc(),
    };
    let url = sigv4::presign(&what, &key);
    let document = json!({ "url": url, "method": what.method, "expires_seconds": expires_seconds });
    output.show(&document, || format!("{url}\n"))
}

/// `/BUCKET/KEY` of `s3://BUCKET/KEY`.
fn path_of(text: &str) -> Result<String, Failure> {
    let (bucket, key) = target(text)?;
    Ok(key.map_or_else(|| format!("/{bucket}"), |key| format!("/{bucket}/{key}")))
}

/// As S3 has it for such URLs.
fn lifetime(text: &str) -> Option<u32> {
    seconds(text).filter(|seconds| *seconds <= EXPIRES_MAX_SECONDS)
}

/// `90`, `15m`, `12h`, `7d` in seconds, at least one.
pub fn seconds(text: &str) -> Option<u32> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits)? {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    digits.parse::<u32>().ok()?.checked_mul(unit).filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_and_bounded() {
        for (text, expected) in [
            ("90", Some(90)),
            ("90s", Some(90)),
            ("15m", Some(900)),
            ("12h", Some(43_200)),
            ("7d", Some(604_800)),
            ("8d", None),
            ("0", None),
            ("h", None),
            ("", None),
            ("1w", None),
            ("-1h", None),
            ("99999999999d", None),
        ] {
            assert_eq!(lifetime(text), expected, "`{text}`");
        }
    }

    #[test]
    fn a_target_names_a_bucket_and_perhaps_a_key() {
        for (text, expected) in [
            ("s3://b", Some("/b")),
            ("s3://b/", Some("/b")),
            ("s3://b/k/l", Some("/b/k/l")),
            ("s3://b/k/", Some("/b/k/")),
            ("s3://b//", Some("/b//")),
            ("s3://", None),
            ("s3:///k", None),
            ("b/k", None),
        ] {
            assert_eq!(path_of(text).ok().as_deref(), expected, "`{text}`");
        }
    }
}
