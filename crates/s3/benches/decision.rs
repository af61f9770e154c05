//! What it costs to say yes: signature, standing, labels, grants and groups of one request, with 1,000
//! principals, and a bucket that 1,000 grants were made on.
//!
//! `cargo bench -p s3 --features bench --bench decision`. Criterion tells the mean; the quantiles behind it
//! are of decisions that were timed one by one.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a bench fails as a test does")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::time::{Duration, Instant};

use criterion::Criterion;
use http::request::Parts;
use model::{BucketName, Label, Right};
use policy::SystemPermit;
use tokio::runtime::Runtime;
use world::sign::Signer;
use world::wire::Request;
use world::{REGION, World, cleared, key_at};

const PRINCIPALS: usize = 1_000;
/// Of so many principals one is granted as the member of a group.
const GROUPED: usize = 10;
const TIMED: usize = 100_000;

fn main() {
    let runtime = Runtime::new().unwrap();
    let (world, heads) = runtime.block_on(loaded());
    let decide = |number: usize| {
        let head = &heads[number * 7919 % heads.len()];
        runtime.block_on(s3::bench::may_put(&world.door, head)).unwrap();
    };
    tell("first of each key", timed(heads.len(), &decide));
    tell("every further one", timed(TIMED, &decide));
    let mut number = 0;
    Criterion::default().configure_from_args().bench_function("decision", |bencher| {
        bencher.iter(|| {
            number += 1;
            decide(number);
        });
    });
}

/// A world with everybody in it, and the head of a request of each.
async fn loaded() -> (World, Vec<Parts>) {
    let world = World::new().await;
    let (engine, system) = (&world.engine, SystemPermit::for_background_work());
    let owner = engine.credential(&model::AccessKeyId(world.keys.0.clone())).await.unwrap().unwrap().session;
    let bucket = engine.resolve(&owner, &BucketName::parse("tea").unwrap()).await.unwrap().unwrap();
    let mut heads = Vec::new();
    for number in 0..PRINCIPALS {
        let principal = cleared(engine, &format!("person-{number}"), Label::LOWEST).await;
        let keys = key_at(engine, principal, Label::LOWEST).await;
        heads.push(head(&Signer::new(world.address, &keys, REGION), number));
        let mut to = principal;
        if number % GROUPED == 0 {
            to = engine.create_group(&system, &format!("group-{number}")).await.unwrap().id;
            engine.set_members(&system, to, &[principal], &[]).await.unwrap();
        }
        engine.set_grant(&system, &bucket, to, Some(Right::Write)).await.unwrap();
    }
    let grants = engine.access(&bucket).await.unwrap().grants.0.len();
    println!("{PRINCIPALS} principals, {grants} grants");
    (world, heads)
}

fn head(signer: &Signer, number: usize) -> Parts {
    let request = signer.header(Request::new("PUT", &format!("/tea/leaf-{number}")).header("content-length", "0"));
    let builder = http::Request::builder().method(&*request.method).uri(&request.target);
    let builder = request.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value));
    builder.body(()).unwrap().into_parts().0
}

fn timed(count: usize, decide: &impl Fn(usize)) -> Vec<Duration> {
    let one = |number| {
        let began = Instant::now();
        decide(number);
        began.elapsed()
    };
    (0..count).map(one).collect()
}

fn tell(what: &str, mut taken: Vec<Duration>) {
    taken.sort_unstable();
    let at = |thousandths: usize| taken[(taken.len() - 1) * thousandths / 1_000];
    println!("{what}: {} decisions, p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}", taken.len(), at(500), at(990), at(999));
}
