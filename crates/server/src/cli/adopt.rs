//! `entente adoption plan | start | status | pause | resume | finish | abandon`.

use std::fmt::Write;

use http::Method;
use model::BucketName;
use serde_json::json;

use super::client::Client;
use super::{Output, table};
use crate::api::wire::{Adopt, Adoption, AdoptionPlan, Adoptions, Finished, Origin, Resume};
use crate::args::{AdoptArgs, AdoptCommand, AskerArgs, OriginArgs};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;

/// Differing keys that are printed; JSON has more.
const PRINTED_MAX: usize = 20;

pub fn run(args: &AdoptArgs, output: Output) -> Result<(), Failure> {
    match &args.command {
        AdoptCommand::Plan { asker, origin } => plan(asker, origin, output),
        AdoptCommand::Start { asker, bucket, origin, budget } => {
            start(asker, bucket, origin, budget.as_deref(), output)
        }
        AdoptCommand::Status { asker } => status(asker, output),
        AdoptCommand::Pause { asker, bucket } => turn(asker, bucket, "pause", "rests", output),
        AdoptCommand::Resume { asker, bucket, budget } => resume(asker, bucket, budget.as_deref(), output),
        AdoptCommand::Finish { asker, bucket } => finish(asker, bucket, output),
        AdoptCommand::Abandon { asker, bucket, plan: true } => left_behind(asker, bucket, output),
        AdoptCommand::Abandon { asker, bucket, plan: false } => {
            turn(asker, bucket, "abandon", "is over; nothing more is brought", output)
        }
    }
}

fn plan(asker: &AskerArgs, origin: &OriginArgs, output: Output) -> Result<(), Failure> {
    let origin = origin_of(origin)?;
    let progress = Progress::here(output);
    progress.wait("counting what lies there");
    let plan: AdoptionPlan = Client::asked(asker)?.patient().ask(Method::POST, "/api/v1/adoption-plan", &origin)?;
    progress.end();
    output.show(&plan, || planned(&plan))
}

fn planned(plan: &AdoptionPlan) -> String {
    let AdoptionPlan { objects, bytes, largest, list_requests, get_requests, dollars } = plan;
    let mut text = format!(
        "{objects} objects, {bytes} bytes, the largest of {largest}\n\
         to bring them over: {get_requests} GET and {list_requests} LIST requests, {bytes} bytes out of the old place\n"
    );
    let _ = match dollars {
        Some(dollars) => writeln!(text, "at its list prices about ${dollars:.2}"),
        None => writeln!(text, "its prices are not known here"),
    };
    text
}

fn start(
    asker: &AskerArgs,
    bucket: &str,
    origin: &OriginArgs,
    budget: Option<&str>,
    output: Output,
) -> Result<(), Failure> {
    let wanted = Adopt { bucket: name(bucket)?, origin: origin_of(origin)?, budget: budget_of(budget)? };
    Client::asked(asker)?.patient().tell(Method::POST, "/api/v1/adoptions", &wanted)?;
    let sentence = format!("`{bucket}` shows what lies at {} from now on; see `entente adoption status`.", origin.from);
    output.done(&json!({ "bucket": bucket, "adoption": "started" }), &sentence)
}

fn status(asker: &AskerArgs, output: Output) -> Result<(), Failure> {
    let all: Adoptions = Client::asked(asker)?.list("/api/v1/adoptions")?;
    output.show(&all, || shown(&all))
}

fn shown(all: &Adoptions) -> String {
    let row = |adoption: &Adoption| {
        let origin = &adoption.origin;
        let proven = adoption.objects.saturating_sub(adoption.unproven);
        [
            adoption.bucket.clone(),
            format!("{}://{}", origin.kind, origin.bucket),
            adoption.stage.clone(),
            adoption.objects.to_string(),
            adoption.bytes.to_string(),
            proven.to_string(),
            adoption.failed.to_string(),
            adoption.budget.map_or_else(|| "none".to_owned(), |budget| format!("{budget}/s")),
            adoption.trouble.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = all.adoptions.iter().map(row).collect();
    let heading = ["BUCKET", "ORIGIN", "STAGE", "BROUGHT", "BYTES", "BY MD5", "FAILED", "BUDGET", "TROUBLE"];
    table(heading, &rows)
}

fn turn(asker: &AskerArgs, bucket: &str, verb: &str, told: &str, output: Output) -> Result<(), Failure> {
    let name = name(bucket)?;
    Client::asked(asker)?.order(Method::POST, &format!("/api/v1/adoptions/{name}/{verb}"))?;
    output.done(&json!({ "bucket": name, "adoption": verb }), &format!("The adoption of `{name}` {told}."))
}

/// What abandoning an adoption would come to.
fn left_behind(asker: &AskerArgs, bucket: &str, output: Output) -> Result<(), Failure> {
    let name = name(bucket)?;
    let all: Adoptions = Client::asked(asker)?.list("/api/v1/adoptions")?;
    let adoption = all.adoptions.into_iter().find(|adoption| adoption.bucket == name);
    let adoption = adoption.ok_or_else(|| {
        Failure::new(Exit::Absent, format!("`{name}` is not being adopted: see `entente adoption status`"))
    })?;
    output.show(&adoption, || {
        let Adoption { stage, objects, bytes, origin: Origin { kind, bucket, .. }, .. } = &adoption;
        if adoption.ended.is_some() {
            return format!("The adoption of `{name}` is {stage}: nothing is left to do.\n");
        }
        let whole = match stage.as_str() {
            "caught up" => "The last walk over the old place found nothing more to bring, which is no proof.",
            _ => "It may be that not all of it is here yet.",
        };
        format!(
            "Abandoning the adoption of `{name}`, for good:\n  {objects} objects, {bytes} bytes have been brought, and \
             stay\n  {kind}://{bucket} is asked no more: what is there alone is not shown here any more, and stays \
             there\n{whole} `entente adoption finish {name}` ends it with a proof.\n"
        )
    })
}

fn resume(asker: &AskerArgs, bucket: &str, budget: Option<&str>, output: Output) -> Result<(), Failure> {
    let (name, resume) = (name(bucket)?, Resume { budget: budget_of(budget)? });
    Client::asked(asker)?.tell(Method::POST, &format!("/api/v1/adoptions/{name}/resume"), &resume)?;
    output.done(&json!({ "bucket": name, "adoption": "resume" }), &format!("The adoption of `{name}` goes on."))
}

/// Ends with a failure when something differs: whoever scripts it must not take that for the end.
fn finish(asker: &AskerArgs, bucket: &str, output: Output) -> Result<(), Failure> {
    let name = name(bucket)?;
    let path = format!("/api/v1/adoptions/{name}/finish");
    let progress = Progress::here(output);
    progress.wait("comparing both places");
    let finished: Finished = Client::asked(asker)?.patient().call(Method::POST, &path, Vec::new())?;
    progress.end();
    output.show(&finished, || told(&finished))?;
    if finished.finished {
        return Ok(());
    }
    let why = format!("{} keys differ: `{name}` is still being adopted", finished.differing);
    Err(Failure::new(Exit::Unfinished, why))
}

fn told(finished: &Finished) -> String {
    let Finished { finished, compared, equal, ours, differing, told } = finished;
    let mut text =
        format!("{compared} keys at the origin: {equal} are here, {ours} were written or deleted here since");
    if *finished {
        return text + "; nothing differs, the origin is asked no more\n";
    }
    let _ = writeln!(text, "; {differing} differ\n");
    let rows: Vec<_> = told.iter().take(PRINTED_MAX).map(|told| [told.key.clone(), told.how.clone()]).collect();
    text + &table(["KEY", "HOW"], &rows)
}

/// The address `--from` and its companions mean.
fn origin_of(args: &OriginArgs) -> Result<Origin, Failure> {
    let OriginArgs { from, endpoint, region, credentials } = args;
    let why = "is no bucket to adopt: write s3://BUCKET, azure://ACCOUNT/CONTAINER or gs://BUCKET";
    let wrong = || Failure::new(Exit::Usage, format!("`{from}` {why}"));
    let schemes = [("s3://", "s3"), ("azure://", "azure"), ("gs://", "google")];
    let found = schemes.iter().find_map(|(scheme, kind)| Some((*kind, from.strip_prefix(scheme)?)));
    let (kind, rest) = found.ok_or_else(wrong)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (account, bucket) = match rest.split_once('/') {
        Some((account, container)) if kind == "azure" => (Some(account), container),
        _ => (None, rest),
    };
    let whole = |part: &str| !part.is_empty() && !part.contains('/');
    if !whole(bucket) || account.is_some_and(str::is_empty) || (kind == "azure") != account.is_some() {
        return Err(wrong());
    }
    Ok(Origin {
        kind: kind.to_owned(),
        bucket: bucket.to_owned(),
        endpoint: endpoint.clone(),
        region: region.clone(),
        account: account.map(str::to_owned),
        credentials: credentials.clone(),
    })
}

/// It becomes a part of a path.
fn name(text: &str) -> Result<String, Failure> {
    match BucketName::parse(text) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(error) => Err(Failure::new(Exit::Usage, format!("`{text}` is no bucket: {error}"))),
    }
}

/// `20 MiB`, `512 KiB` or `1 GiB` in bytes.
fn budget_of(text: Option<&str>) -> Result<Option<u64>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let bytes = units.iter().find_map(|(unit, shift)| {
        let count = text.strip_suffix(unit)?.trim().parse::<u64>().ok()?;
        count.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
    });
    let why = || Failure::new(Exit::Usage, format!("`{text}` is no size per second: write one such as `20 MiB`"));
    bytes.map(Some).ok_or_else(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_to_adopt_is_named_by_its_vendor() {
        for (from, expected) in [
            ("s3://old", Some(("s3", "old"))),
            ("s3://old/", Some(("s3", "old"))),
            ("azure://me/box", Some(("azure", "box"))),
            ("azure://box", None),
            ("azure:///box", None),
            ("azure://me/box/more", None),
            ("gs://old.example", Some(("google", "old.example"))),
            ("s3://old/prefix", None),
            ("s3://", None),
            ("old", None),
            ("https://old", None),
        ] {
            let args = OriginArgs { from: from.into(), endpoint: None, region: None, credentials: "env".into() };
            let found = origin_of(&args).ok().map(|origin| (origin.kind, origin.bucket));
            assert_eq!(found, expected.map(|(kind, bucket)| (kind.to_owned(), bucket.to_owned())), "`{from}`");
        }
    }

    #[test]
    fn a_budget_is_a_size_with_its_unit() {
        for (text, expected) in [
            ("20 MiB", Some(20 << 20)),
            ("512KiB", Some(512 << 10)),
            ("1 GiB", Some(1 << 30)),
            ("0 MiB", None),
            ("20", None),
            ("fast", None),
            ("99999999999999 GiB", None),
        ] {
            assert_eq!(budget_of(Some(text)).ok().flatten(), expected, "`{text}`");
        }
    }

    #[test]
    fn a_difference_is_told_key_by_key() {
        let told = vec![crate::api::wire::Differing { key: "a/b".into(), how: "not here yet".into() }];
        let finished = Finished { finished: false, compared: 3, equal: 1, ours: 1, differing: 1, told };
        assert_eq!(
            super::told(&finished),
            "3 keys at the origin: 1 are here, 1 were written or deleted here since; 1 differ\n\n\
             KEY  HOW\na/b  not here yet\n"
        );
    }
}
