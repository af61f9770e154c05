//! `entente explain ACTION s3://BUCKET/KEY`.

use http::Method;

use super::client::{Business, Client};
use super::{Output, table, target};
use crate::api::wire::{Ask, Explanation, Step};
use crate::args::ExplainArgs;
use crate::failure::Failure;

pub fn run(args: &ExplainArgs, output: Output) -> Result<(), Failure> {
    let (bucket, key) = match &args.target {
        Some(text) => target(text).map(|(bucket, key)| (Some(bucket), key))?,
        None => (None, None),
    };
    // Whoever asks about somebody is an officer or an auditor.
    let business = if args.user.is_some() { Business::Officers } else { Business::Owners };
    let ask = Ask {
        user: args.user.clone(),
        label: args.label.clone(),
        access_key: args.key.clone(),
        from: args.from.clone(),
        action: args.action.clone(),
        bucket,
        key,
    };
    let told: Explanation = Client::signed(&args.signer, business)?.ask(Method::POST, "/api/v1/explain", &ask)?;
    let verdict = if told.allowed { "allowed" } else { "not allowed" };
    let row = |step: &Step| [step.step.clone(), step.outcome.clone(), step.why.clone()];
    let steps = || table(["STEP", "", "WHY"], &told.steps.iter().map(row).collect::<Vec<_>>());
    output.show(&told, || format!("{} in a session at {}: {verdict}\n\n{}", told.action, told.label, steps()))
}
