//! Moving in, over four memory sites and an origin in memory, on virtual time: what clients see while
//! a bucket is adopted, what wins, and what proves the end.

use std::sync::Arc;
use std::time::Duration;

use crate::world::origin::{
    address, adopt, adopt_and_rest, all, bucket_permit, caught_up, delete, finish, listed, outcome, system, tea, there,
};
use crate::world::{self, World, body, declared, meant, noise, put_if, settings};
use bytes::Bytes;
use engine::{Complete, CompletedPart, Error, ListQuery, Odd, StartUpload};
use model::adoption::Stage;
use model::{Adoption, BucketName, BucketSetting, ETag, Metadata, OriginAddress, Precondition, Timestamp, Versioning};
use policy::{DeleteBucket, GetObject, ListObjects, PutObject, WriteSettings};
use providers::OriginErrorKind;

const MIB: usize = 1 << 20;

#[tokio::test(start_paused = true)]
async fn reads_fall_through_at_once_whole_in_ranges_and_with_metadata() {
    let world = World::new(70).await;
    let bytes = noise(1, 300_000);
    let etag = there(&world, "a", &bytes);
    there(&world, "empty", b"");
    assert!(matches!(world.get("a").await, Err(Error::NoSuchKey)));
    adopt_and_rest(&world).await;
    assert_eq!(world.get("a").await.unwrap(), bytes);
    assert_eq!(world.get("empty").await.unwrap(), "");
    for range in [0..1, 65_535..65_537, 299_999..300_000, 7..299_000] {
        let got = world.get_range("a", range.start as u64..range.end as u64).await.unwrap();
        assert_eq!(got, bytes[range.clone()], "{range:?}");
    }
    let version = world.engine.find(world.permit::<GetObject>("a").await).await.unwrap().version;
    assert_eq!((version.etag, version.size, version.modified), (etag, 300_000, Timestamp(1_600_000_000_000)));
    assert_eq!(version.metadata.system["content-type"], "text/tea");
    assert_eq!(version.metadata.user["leaf"], "a");
    assert!(matches!(world.get("b").await, Err(Error::NoSuchKey)));
}

#[tokio::test(start_paused = true)]
async fn a_read_goes_on_where_its_body_broke_off_and_never_mixes_two_objects() {
    let world = World::new(71).await;
    let bytes = noise(1, 500_000);
    there(&world, "a", &bytes);
    adopt_and_rest(&world).await;
    world.sites.origin.cut_next_body(3);
    assert_eq!(world.get("a").await.unwrap(), bytes);
    let found = world.engine.find(world.permit::<GetObject>("a").await).await.unwrap();
    there(&world, "a", b"another");
    let frames: Vec<Result<Bytes, Error>> = futures::StreamExt::collect(found.read(0..500_000)).await;
    assert!(matches!(frames.as_slice(), [Err(Error::Unreadable { .. })]), "{frames:?}");
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_fails_is_never_told_as_absence() {
    let world = World::new(72).await;
    there(&world, "a", b"leaves");
    world.put("here", b"leaves").await.unwrap();
    adopt_and_rest(&world).await;
    for kind in [OriginErrorKind::Denied, OriginErrorKind::Unavailable, OriginErrorKind::Invalid] {
        for key in ["a", "b"] {
            world.sites.origin.fail(&[kind; 4]);
            let error = world.get(key).await.unwrap_err();
            assert!(matches!(error, Error::Unavailable { .. }), "{kind:?}: {error}");
            assert!(world.sites.origin.clear_failures() < 4);
        }
        world.sites.origin.fail(&[kind; 4]);
        let query = ListQuery { limit: 10, ..ListQuery::default() };
        let error = world.engine.list(bucket_permit::<ListObjects>(&world).await, query).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{kind:?}: {error}");
        assert_eq!(world.get("here").await.unwrap(), "leaves", "what is here needs no origin");
        world.sites.origin.clear_failures();
    }
}

#[tokio::test(start_paused = true)]
async fn listings_are_those_of_one_bucket_that_holds_both() {
    let world = World::new(73).await;
    let reference = World::new(73).await;
    let old = ["a/1", "a/2", "a/b/1", "b", "c/", "c/x", "d", "e/only", "é", "z/9"];
    let new = ["a/15", "b", "bb", "c/y", "f/g/h", "z"];
    let gone = ["a/2", "e/only", "d", "not-there"];
    for key in old {
        there(&world, key, key.as_bytes());
        reference.put(key, key.as_bytes()).await.unwrap();
    }
    adopt_and_rest(&world).await;
    for world in [&world, &reference] {
        for key in new {
            world.put(key, b"new").await.unwrap();
        }
        for key in gone {
            delete(world, key, Precondition::None).await.unwrap();
        }
    }
    for origin_page in [1, 2, 1000] {
        world.sites.origin.list_at_most(origin_page);
        for prefix in ["", "a", "a/", "c/", "e/", "zz"] {
            for delimiter in [None, Some("/"), Some("b")] {
                for after in [None, Some("a/1"), Some("a/"), Some("b"), Some("c/x"), Some("zzz")] {
                    for limit in [1, 2, 3, 1000] {
                        let query = ListQuery {
                            prefix: prefix.to_owned(),
                            delimiter: delimiter.map(str::to_owned),
                            after: after.map(str::to_owned),
                            limit,
                        };
                        let told = format!("{query:?}, {origin_page} at once");
                        assert_eq!(listed(&world, query.clone()).await, listed(&reference, query).await, "{told}");
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_hides_what_lies_beneath_for_good() {
    let world = World::new(74).await;
    there(&world, "a", b"old");
    there(&world, "b", b"old");
    adopt_and_rest(&world).await;
    delete(&world, "a", Precondition::None).await.unwrap();
    world.put("b", b"new").await.unwrap();
    delete(&world, "b", Precondition::None).await.unwrap();
    // The marks are in the catalog's file: another engine over it knows them.
    let again = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    for engine in [&world.engine, &again] {
        for key in ["a", "b"] {
            let permit = world::permit::<GetObject>(engine, &world.session, key).await;
            assert!(matches!(engine.find(permit).await, Err(Error::NoSuchKey)), "`{key}`");
        }
    }
    assert_eq!(all(&world).await, Vec::<String>::new());
    world.put("a", b"again").await.unwrap();
    assert_eq!(world.get("a").await.unwrap(), "again");
}

#[tokio::test(start_paused = true)]
async fn conditions_are_judged_on_what_clients_see() {
    let world = World::new(75).await;
    let old = there(&world, "k", b"old");
    adopt_and_rest(&world).await;
    let matches = |etag: &ETag| Precondition::Matches(etag.clone());
    let other = ETag("0".repeat(32));

    // Only beneath.
    for (condition, expected) in [(Precondition::Absent, Some("failed")), (matches(&other), Some("failed"))] {
        assert_eq!(outcome(put_if(&world.engine, world.permit("k").await, condition.clone(), b"x").await), expected);
        assert_eq!(outcome(delete(&world, "k", condition).await), expected);
    }
    assert_eq!(world.get("k").await.unwrap(), "old");
    // Nowhere.
    for (condition, expected) in [
        (Precondition::Present, Some("no such key")),
        (matches(&old), Some("no such key")),
        (Precondition::Absent, None),
    ] {
        assert_eq!(outcome(put_if(&world.engine, world.permit("n").await, condition, b"x").await), expected);
    }
    // The ETag beneath is the ETag of the object.
    let written = put_if(&world.engine, world.permit("k").await, matches(&old), b"new").await.unwrap();
    // Here: the origin no longer counts.
    assert_eq!(outcome(put_if(&world.engine, world.permit("k").await, matches(&old), b"x").await), Some("failed"));
    delete(&world, "k", matches(&written.etag)).await.unwrap();
    // Hidden: as if it were nowhere.
    assert_eq!(outcome(delete(&world, "k", matches(&old)).await), Some("no such key"));
    assert_eq!(outcome(put_if(&world.engine, world.permit("k").await, Precondition::Absent, b"x").await), None);
}

#[tokio::test(start_paused = true)]
async fn a_multipart_upload_completes_over_what_lies_beneath() {
    let world = World::new(76).await;
    there(&world, "k", b"old");
    adopt_and_rest(&world).await;
    for (condition, well) in [(Precondition::Absent, false), (Precondition::Present, true)] {
        let permit = world.permit::<PutObject>("k").await;
        let upload = world.engine.start_upload(permit, StartUpload::default()).await.unwrap();
        let bytes = noise(1, 1000);
        let permit = world.permit::<PutObject>("k").await;
        let part = world.engine.put_part(permit, upload.id, 1, declared(1000), body(&bytes)).await.unwrap();
        let parts = vec![CompletedPart { number: 1, etag: part.etag, checksum: None }];
        let complete = Complete { parts, condition, ..Complete::default() };
        let done = world.engine.complete_upload(world.permit::<PutObject>("k").await, upload.id, complete).await;
        assert_eq!(done.is_ok(), well, "{:?}", done.err());
    }
    assert_eq!(world.get("k").await.unwrap(), noise(1, 1000));
}

#[tokio::test(start_paused = true)]
async fn the_copy_brings_everything_over_as_it_was_and_the_difference_proves_it() {
    let world = World::new(77).await;
    let background = world.background();
    let sizes = [0, 1, 4096, MIB, MIB + 1, 5 * MIB + 17];
    for (i, size) in sizes.into_iter().enumerate() {
        there(&world, &format!("k{i}"), &noise(i as u64, size));
    }
    let parts = Metadata::default();
    world.sites.origin.put("parts", noise(9, 70_000), "0123456789abcdef0123456789abcdef-2", parts, Timestamp(7));
    let before = world.sites.origin.contents();
    adopt(&world).await;
    caught_up(&world).await;
    let status = &world.engine.adoptions(&system()).await.unwrap()[0];
    assert_eq!((status.progress.objects, status.progress.unproven, status.progress.failed), (7, 1, 0));
    let difference = finish(&world).await;
    assert_eq!((difference.compared, difference.equal, difference.differing), (7, 7, 0), "{difference:?}");
    let asked = world.sites.origin.requests();
    assert!(asked.keys().all(|kind| ["get", "head", "list"].contains(kind)), "{asked:?}");
    // From here on there is no origin.
    for (key, etag, bytes) in before.clone() {
        let found = world.engine.find(world.permit::<GetObject>(&key).await).await.unwrap();
        assert_eq!(found.version.etag, etag, "`{key}`");
        assert_eq!(
            found.version.metadata.user.get("leaf").map(String::as_str),
            (key != "parts").then_some(key.as_str())
        );
        assert_eq!(world.get(&key).await.unwrap(), bytes, "`{key}`");
    }
    assert_eq!(world.sites.origin.requests(), asked, "an adoption that is closed asks nobody");
    assert_eq!(world.sites.origin.contents(), before, "nothing at the old place was touched");
    assert!(matches!(world.engine.adoptions(&system()).await.unwrap()[0].adoption.stage, Stage::Proven { .. }));
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn a_clients_write_or_delete_always_wins_over_the_copy() {
    let world = Arc::new(World::new(78).await);
    for i in 0..60 {
        there(&world, &format!("k{i:02}"), &noise(i, 50_000));
    }
    world.sites.latency(Duration::from_millis(20));
    adopt(&world).await;
    let background = world.background();
    // At every moment of the copy, on every key: one third written, one third deleted.
    for i in 0..60 {
        let key = format!("k{i:02}");
        match i % 3 {
            0 => drop(world.put(&key, &noise(1000 + i, 3000)).await.unwrap()),
            1 => delete(&world, &key, Precondition::None).await.unwrap(),
            _ => tokio::time::sleep(Duration::from_millis(7)).await,
        }
    }
    caught_up(&world).await;
    let difference = finish(&world).await;
    assert_eq!((difference.equal, difference.ours, difference.differing), (20, 40, 0));
    for i in 0..60 {
        let got = world.get(&format!("k{i:02}")).await;
        match i % 3 {
            0 => assert_eq!(got.unwrap(), noise(1000 + i, 3000)),
            1 => assert!(matches!(got, Err(Error::NoSuchKey))),
            _ => assert_eq!(got.unwrap(), noise(i, 50_000)),
        }
    }
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn what_changes_at_the_origin_is_brought_again_unless_it_was_written_here() {
    let world = World::new(79).await;
    for key in ["a", "b", "c"] {
        there(&world, key, b"old");
    }
    let background = world.background();
    adopt(&world).await;
    caught_up(&world).await;
    world.engine.pause_adoption(&system(), meant(&tea())).await.unwrap();
    // The same bytes, so the same ETag: written here all the same.
    world.put("b", b"old").await.unwrap();
    for key in ["a", "b", "new"] {
        there(&world, key, b"newer");
    }
    world.sites.origin.remove("c");
    let difference = finish(&world).await;
    let odd: Vec<(&str, Odd)> = difference.told.iter().map(|told| (told.key.as_str(), told.odd)).collect();
    assert_eq!(odd, [("a", Odd::Changed), ("new", Odd::NotHere), ("c", Odd::NotThere)]);
    assert_eq!(world.get("new").await.unwrap(), "newer", "what differs keeps the adoption open");
    world.engine.resume_adoption(&system(), meant(&tea()), None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.get("a").await.unwrap(), "newer");
    assert_eq!(world.get("b").await.unwrap(), "old");
    delete(&world, "c", Precondition::None).await.unwrap();
    assert!(finish(&world).await.is_empty());
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_not_what_the_origin_says_are_taken_again() {
    let world = World::new(80).await;
    let background = world.background();
    // Where the vendor encrypts with a customer's key, the ETag looks like an MD5 and is none.
    world.sites.origin.put("sealed", "leaves", &"5".repeat(32), Metadata::default(), Timestamp(0));
    there(&world, "cut", &noise(1, 200_000));
    world.sites.origin.cut_next_body(1);
    adopt(&world).await;
    caught_up(&world).await;
    let status = &world.engine.adoptions(&system()).await.unwrap()[0];
    assert_eq!((status.progress.objects, status.progress.unproven), (2, 1), "{status:?}");
    assert!(finish(&world).await.is_empty());
    assert_eq!(world.get("sealed").await.unwrap(), "leaves");
    assert_eq!(world.get("cut").await.unwrap(), noise(1, 200_000));
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn the_copy_keeps_its_budget_rests_when_told_and_goes_on_where_it_was() {
    let world = World::new(81).await;
    for i in 0..40 {
        there(&world, &format!("k{i:02}"), &noise(i, 100_000));
    }
    let background = world.background();
    world.sites.origin.list_at_most(10);
    let began = tokio::time::Instant::now();
    world.engine.adopt(&system(), meant(&tea()), address(), Some(1_000_000)).await.unwrap();
    caught_up(&world).await;
    let took = began.elapsed().as_secs_f64();
    assert!((3.9..7.0).contains(&took), "4 MB at 1 MB/s took {took} s");
    background.abort();

    let world = World::new(82).await;
    for i in 0..40 {
        there(&world, &format!("k{i:02}"), &noise(i, 100_000));
    }
    world.sites.origin.list_at_most(10);
    let background = world.background();
    world.engine.adopt(&system(), meant(&tea()), address(), Some(1_000_000)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    background.abort();
    let _ = background.await;
    let cursor = world.engine.adoptions(&system()).await.unwrap()[0].progress.cursor.clone();
    assert_eq!(cursor.as_deref(), Some("k09"), "one page is done, the next one began");
    let again = world::open(&world.catalog, &world.sites, &world.outside, settings()).await.unwrap();
    let before = world.sites.origin.requests()["get"];
    let background = tokio::spawn(async move { again.run_background(std::future::pending()).await });
    caught_up(&world).await;
    let fetched = world.sites.origin.requests()["get"] - before;
    assert!((20..=30).contains(&fetched), "{fetched} objects were fetched of 40, after at least 10 had been brought");
    assert!(finish(&world).await.is_empty());
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn an_adoption_begins_only_where_it_can_and_once() {
    let world = World::new(83).await;
    let invalid = |result: Result<Adoption, Error>, why: &str| match result {
        Err(Error::Invalid(reason)) => assert!(reason.contains(why), "{reason}"),
        other => panic!("{why}: {other:?}"),
    };
    let nameless = OriginAddress { credentials: String::new(), ..address() };
    invalid(world.engine.adopt(&system(), meant(&tea()), nameless, None).await, "credentials");
    world.sites.origin.fail(&[OriginErrorKind::Denied]);
    invalid(world.engine.adopt(&system(), meant(&tea()), address(), None).await, "refuses access");
    let coffee = BucketName::parse("coffee").unwrap();
    assert!(matches!(world.engine.adopt(&system(), meant(&coffee), address(), None).await, Err(Error::NoSuchBucket)));
    adopt(&world).await;
    let elsewhere = OriginAddress { bucket: "other".into(), ..address() };
    invalid(world.engine.adopt(&system(), meant(&tea()), elsewhere, None).await, "another origin");
    let delete = world.engine.delete_bucket(bucket_permit::<DeleteBucket>(&world).await).await;
    assert!(matches!(delete, Err(Error::Invalid(_))), "{delete:?}");
    let permit = bucket_permit::<WriteSettings>(&world).await;
    let enable = world.engine.set_bucket_setting(permit, BucketSetting::Versioning(Versioning::Enabled)).await;
    assert!(matches!(enable, Err(Error::Invalid(_))), "{enable:?}");
    world.engine.abandon_adoption(&system(), meant(&tea())).await.unwrap();
    invalid(world.engine.adopt(&system(), meant(&tea()), address(), None).await, "adopts once");
    invalid(world.engine.pause_adoption(&system(), meant(&tea())).await, "adopts once");
    world.engine.delete_bucket(bucket_permit::<DeleteBucket>(&world).await).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_plan_counts_and_writes_nothing() {
    let world = World::new(84).await;
    for i in 0..25 {
        there(&world, &format!("k{i:02}"), &noise(i, 1000));
    }
    world.sites.origin.list_at_most(10);
    let plan = world.engine.plan_adoption(&system(), &address()).await.unwrap();
    assert_eq!((plan.objects, plan.bytes, plan.largest), (25, 25_000, 1000));
    assert_eq!((plan.list_requests, plan.get_requests), (6, 25));
    assert_eq!(world.sites.origin.requests(), [("list", 3)].into());
    assert!(world.engine.adoptions(&system()).await.unwrap().is_empty());
}
