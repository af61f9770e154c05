//! The data path over four memory sites on virtual time: what goes in comes out, at the pinned
//! cost, with sites torn away.

use std::time::Duration;

use crate::world::{self, World, body, declared, noise, person, put, put_if};
use engine::{Complete, CompletedPart, Declared, Error, Put, StartUpload, Trailer};
use model::{Algorithm, BucketName, Checksum, ETag, Precondition};
use policy::{AbortUpload, DeleteBucket, DeleteObject, ListParts, PutObject, SystemPermit};
use providers::fault::{Chance, State};

const MIB: usize = 1 << 20;

#[tokio::test(start_paused = true)]
async fn every_size_comes_back_whole_and_in_ranges() {
    let world = World::new(1).await;
    for (i, size) in [0, 1, 4096, 65_519, 65_520, 65_521, MIB, MIB + 1, 3 * MIB + 17, 9 * MIB].into_iter().enumerate() {
        let bytes = noise(i as u64, size);
        let key = format!("size-{size}");
        let written = world.put(&key, &bytes).await.unwrap();
        assert_eq!(written.size, size as u64);
        assert_eq!(world.get(&key).await.unwrap(), bytes, "{size} bytes");
        for (start, end) in [(0, 1), (size / 2, size / 2 + 1), (size / 3, size), (size.saturating_sub(1), size)] {
            let end = end.min(size);
            if start < end {
                let got = world.get_range(&key, start as u64..end as u64).await.unwrap();
                assert_eq!(got, bytes[start..end], "{start}..{end} of {size}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_small_put_uploads_one_piece_per_site_and_waits_for_no_timer() {
    let world = World::new(2).await;
    world.sites.latency(Duration::from_millis(50));
    let permit = world.permit(&"k".repeat(9)).await;
    let (before, begun) = (world.requests().await, tokio::time::Instant::now());
    put(&world.engine, permit, &noise(0, 4096)).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_millis(50), "one round trip to the sites, nothing else");
    assert!(world.requests().await - before <= 4);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_small_puts_from_64_callers_share_their_uploads() {
    let world = std::sync::Arc::new(World::new(3).await);
    world.sites.latency(Duration::from_millis(50));
    let before = world.requests().await;
    let callers = (0..64).map(|caller| {
        let world = std::sync::Arc::clone(&world);
        tokio::spawn(async move {
            for i in (caller..1000).step_by(64) {
                world.put(&format!("object-{i}"), &noise(i, 4096)).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let uploads = world.requests().await - before;
    assert!(uploads <= 200, "{uploads} uploads for a thousand puts");
    assert_eq!(world.get("object-999").await.unwrap(), noise(999, 4096));
}

#[tokio::test(start_paused = true)]
async fn a_small_object_is_read_from_one_site() {
    let world = World::new(4).await;
    world.put("small", &noise(4, 4096)).await.unwrap();
    let before = world.requests().await;
    world.get("small").await.unwrap();
    assert_eq!(world.requests().await - before, 1);
}

#[tokio::test(start_paused = true)]
async fn any_two_sites_may_be_torn_away() {
    for (first, second) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
        for state in [State::Gone, State::ReadOnly, State::Full, State::Silent] {
            let world = World::new(5).await;
            let background = world.background();
            let (small, large) = (noise(1, 4096), noise(2, 2 * MIB));
            world.put("small", &small).await.unwrap();
            world.put("large", &large).await.unwrap();
            world.sites.set(&[first, second], state);
            let label = format!("{state:?} at {first} and {second}");
            assert_eq!(world.get("small").await.unwrap(), small, "{label}");
            assert_eq!(world.get("large").await.unwrap(), large, "{label}");
            for i in 0..4 {
                world.put(&format!("small-{i}"), &small).await.expect(&label);
                world.put(&format!("large-{i}"), &large).await.expect(&label);
            }
            assert!(world.below_promise().await > 0, "{label}: writes over two sites are below their promise");
            world.sites.set(&[first, second], State::Well);
            world.caught_up().await;
            // What was written meanwhile survives the loss of the other two.
            let others: Vec<usize> = (0..4).filter(|site| ![first, second].contains(site)).collect();
            world.sites.set(&others, State::Gone);
            for i in 0..4 {
                assert_eq!(world.get(&format!("small-{i}")).await.unwrap(), small, "{label}");
                assert_eq!(world.get(&format!("large-{i}")).await.unwrap(), large, "{label}");
            }
            background.abort();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn under_the_floor_a_write_is_refused_and_reads_go_on() {
    let world = World::new(6).await;
    let background = world.background();
    world.put("kept", b"leaves").await.unwrap();
    world.sites.set(&[0, 1, 2], State::ReadOnly);
    // The first ones find out; then the map says so at once.
    for i in 0..3 {
        let error = world.put(&format!("refused-{i}"), &noise(0, 2 * MIB)).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    }
    let permit = world.permit::<DeleteObject>("kept").await;
    let error = world.engine.delete(permit, Precondition::None).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(world.get("kept").await.unwrap(), "leaves");
    world.sites.set(&[0, 1, 2], State::Well);
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.put("taken", b"again").await.unwrap();
    assert_eq!(world.get("kept").await.unwrap(), "leaves", "a delete that was refused does not happen later");
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_say_how_long_it_is_comes_back_whole() {
    let world = World::new(4).await;
    for size in [0, 5, MIB, MIB + 1, 3 * MIB + 7] {
        let bytes = noise(size as u64, size);
        let written = world.engine.put(world.permit("tea").await, Put::default(), body(&bytes)).await.unwrap();
        assert_eq!(written.size, size as u64);
        assert_eq!(world.get("tea").await.unwrap(), bytes, "of {size}");
    }
}

#[tokio::test(start_paused = true)]
async fn flipped_bytes_never_reach_a_reader() {
    let world = World::new(1).await;
    let background = world.background();
    let (small, large) = (noise(1, 4096), noise(2, 5 * MIB));
    world.put("small", &small).await.unwrap();
    world.put("large", &large).await.unwrap();
    // Wherever the data lies, one of the two pairs holds some of it.
    for (flipping, sound) in [([1, 2], [0, 3]), ([0, 3], [1, 2])] {
        let chance = |sites: [usize; 2], per_mille| {
            for site in sites {
                world.sites.faults[site].change(|plan| plan.corrupt = Chance { per_mille });
            }
        };
        chance(flipping, 300);
        chance(sound, 0);
        for _ in 0..20 {
            assert_eq!(world.get("small").await.unwrap(), small);
            assert_eq!(world.get("large").await.unwrap(), large);
        }
    }
    let status = world.engine.status(&SystemPermit::for_background_work()).await.unwrap();
    assert!(status.bad_cells > 0, "the flips were noticed and counted");
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn a_piece_that_is_lost_at_a_healthy_site_is_made_again() {
    let world = World::new(8).await;
    let background = world.background();
    let large = noise(2, 2 * MIB);
    world.put("large", &large).await.unwrap();
    let lost = world.sites.memories[0].names().into_iter().find(|name| name.contains("/d/")).unwrap();
    providers::Store::delete(world.sites.memories[0].as_ref(), &lost).await.unwrap();
    // Whoever stumbles over it reports it; only readers of that piece do.
    world.sites.set(&[1, 2], State::Gone);
    let _ = world.get("large").await;
    world.sites.set(&[1, 2], State::Well);
    for _ in 0..5 {
        let _ = world.get("large").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    world.caught_up().await;
    world.sites.set(&[2, 3], State::Gone);
    assert_eq!(world.get("large").await.unwrap(), large);
    background.abort();
}

#[tokio::test(start_paused = true)]
async fn declared_digests_must_hold_or_nothing_is_stored() {
    let world = World::new(9).await;
    let wrong = |declared: Declared| Put { declared, ..Put::default() };
    let cases: Vec<(&str, Declared)> = vec![
        ("md5", Declared { md5: Some([0; 16]), ..declared(3) }),
        ("sha256", Declared { sha256: Some([0; 32]), ..declared(3) }),
        ("crc", Declared { checksums: vec![Checksum::full(Algorithm::Crc32, vec![0; 4])], ..declared(3) }),
        ("short", declared(4)),
        ("long", declared(2)),
        (
            "trailer",
            Declared {
                trailer: Some(Trailer { algorithm: Algorithm::Crc32c, value: Box::new(|| Ok(vec![0; 4])) }),
                ..declared(3)
            },
        ),
    ];
    for (name, declared) in cases {
        let permit = world.permit::<PutObject>("bad").await;
        world.engine.put(permit, wrong(declared), body(b"tea")).await.expect_err(name);
        assert!(matches!(world.get("bad").await, Err(Error::NoSuchKey)), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn conditions_are_judged_against_what_was_decided() {
    let world = World::new(10).await;
    let engine = &world.engine;
    let first = put_if(engine, world.permit("k").await, Precondition::Absent, b"one").await.unwrap();
    let again = put_if(engine, world.permit("k").await, Precondition::Absent, b"two").await;
    assert!(matches!(again, Err(Error::PreconditionFailed)));
    put_if(engine, world.permit("k").await, Precondition::Matches(first.etag.clone()), b"two").await.unwrap();
    let stale = put_if(engine, world.permit("k").await, Precondition::Matches(first.etag), b"three").await;
    assert!(matches!(stale, Err(Error::PreconditionFailed)));
    let absent = put_if(engine, world.permit("none").await, Precondition::Present, b"x").await;
    assert!(matches!(absent, Err(Error::NoSuchKey)));

    // Of many at once exactly one creates.
    world.sites.latency(Duration::from_millis(20));
    let mut racers = Vec::new();
    for i in 0..16 {
        let (engine, permit) = (engine.clone(), world.permit("raced").await);
        racers.push(tokio::spawn(async move {
            put_if(&engine, permit, Precondition::Absent, &noise(i, 100)).await.is_ok()
        }));
    }
    let mut won = 0;
    for racer in racers {
        won += usize::from(racer.await.unwrap());
    }
    assert_eq!(won, 1);
}

#[tokio::test(start_paused = true)]
async fn a_multipart_upload_becomes_an_object_without_moving_bytes() {
    let world = World::new(11).await;
    let engine = &world.engine;
    let upload = engine.start_upload(world.permit("big").await, StartUpload::default()).await.unwrap();
    let parts = [noise(1, 5 * MIB), noise(2, 6 * MIB + 1), noise(3, 1000)];
    let mut named = Vec::new();
    for (number, part) in (1..).zip(&parts) {
        let permit = world.permit("big").await;
        let written = engine.put_part(permit, upload.id, number, declared(part.len()), body(part)).await.unwrap();
        named.push(CompletedPart { number, etag: written.etag, checksum: None });
    }
    let listed = engine.list_parts(world.permit::<ListParts>("big").await, upload.id, 0, 10).await.unwrap();
    assert_eq!(listed.1.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 2, 3]);
    let pieces = world.sites.count("/d/");

    let wrong = vec![CompletedPart { etag: ETag("0".repeat(32)), ..named[0].clone() }];
    let refused = |parts| Complete { parts, ..Complete::default() };
    let permit = world.permit("big").await;
    let error = engine.complete_upload(permit, upload.id, refused(wrong)).await.unwrap_err();
    assert!(matches!(error, Error::InvalidPart { number: 1 }));
    let backwards = named.iter().rev().cloned().collect();
    let permit = world.permit("big").await;
    let error = engine.complete_upload(permit, upload.id, refused(backwards)).await.unwrap_err();
    assert!(matches!(error, Error::InvalidPartOrder));

    let permit = world.permit("big").await;
    let done = engine.complete_upload(permit, upload.id, refused(named.clone())).await.unwrap();
    assert!(done.etag.0.ends_with("-3"));
    assert_eq!(world.sites.count("/d/"), pieces, "completing moved bytes");
    assert_eq!(world.get("big").await.unwrap(), parts.concat());
    let (start, end) = (5 * MIB - 10, 11 * MIB + 10);
    let got = world.get_range("big", start as u64..end as u64).await.unwrap();
    assert_eq!(got, parts.concat()[start..end]);
    let again = engine.complete_upload(world.permit("big").await, upload.id, refused(named.clone())).await.unwrap();
    assert_eq!(again.etag, done.etag, "who did not hear the answer asks again");
    let others = refused(named[..1].to_vec());
    let error = engine.complete_upload(world.permit("big").await, upload.id, others).await.unwrap_err();
    assert!(matches!(error, Error::NoSuchUpload));
    let gone = engine.list_parts(world.permit::<ListParts>("big").await, upload.id, 0, 10).await;
    assert!(matches!(gone, Err(Error::NoSuchUpload)));
}

#[tokio::test(start_paused = true)]
async fn an_aborted_upload_leaves_nothing_and_deletes_are_final() {
    let world = World::new(12).await;
    let engine = &world.engine;
    let upload = engine.start_upload(world.permit("u").await, StartUpload::default()).await.unwrap();
    engine.put_part(world.permit("u").await, upload.id, 1, declared(9), body(b"something")).await.unwrap();
    engine.abort_upload(world.permit::<AbortUpload>("u").await, upload.id).await.unwrap();
    let late = engine.put_part(world.permit("u").await, upload.id, 2, declared(4), body(b"late")).await;
    assert!(matches!(late, Err(Error::NoSuchUpload)));

    world.put("k", b"v").await.unwrap();
    engine.delete(world.permit::<DeleteObject>("k").await, Precondition::None).await.unwrap();
    assert!(matches!(world.get("k").await, Err(Error::NoSuchKey)));
    engine.delete(world.permit::<DeleteObject>("k").await, Precondition::None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_revoked_while_an_upload_runs_commits_nothing() {
    let world = World::new(13).await;
    let permit = world.permit::<PutObject>("late").await;
    let system = SystemPermit::for_background_work();
    let key = world.session.access_key.clone().unwrap();
    world.engine.revoke_key(&system, &key).await.unwrap();
    let error = put(&world.engine, permit, b"too late").await.unwrap_err();
    assert!(matches!(error, Error::AccessWithdrawn), "{error}");
    assert!(world.engine.credential(&key).await.unwrap().is_none());
    let other = person(&world.engine, "will").await;
    assert!(matches!(
        world::get(&world.engine, world::permit(&world.engine, &world.session, "late").await).await,
        Err(Error::NoSuchKey)
    ));
    assert_ne!(other.principal, world.session.principal);
}

#[tokio::test(start_paused = true)]
async fn keys_and_buckets_are_not_remembered_beyond_their_end() {
    let world = World::new(15).await;
    let (engine, session, name) = (&world.engine, &world.session, BucketName::parse("tea").unwrap());
    let access_key = session.access_key.as_ref().unwrap();
    // Both are asked for again and again, as by requests.
    let known = async || {
        let bucket = engine.resolve(session, &name).await.unwrap();
        (bucket, engine.credential(access_key).await.unwrap().is_some())
    };
    let (first, well) = known().await;
    assert!(well && known().await == (first.clone(), true));
    let permit = policy::on_bucket::<DeleteBucket>(session, &first.clone().unwrap()).unwrap();
    engine.delete_bucket(permit).await.unwrap();
    assert_eq!(known().await, (None, true));
    let permit = policy::on_account(session).unwrap();
    let made = engine.create_bucket(permit, name.clone(), None, Vec::new()).await.unwrap();
    assert_ne!(Some(made.id), first.map(|bucket| bucket.id));
    assert_eq!(known().await, (Some(made), true));
    engine.revoke_key(&SystemPermit::for_background_work(), access_key).await.unwrap();
    assert!(!known().await.1);
}

#[tokio::test(start_paused = true)]
async fn a_body_larger_than_the_memory_budget_goes_through_also_with_a_slow_site() {
    let settings = engine::Settings { memory_budget_bytes: 40 * MIB, ..world::settings() };
    let world = World::with(14, settings).await;
    let bytes = noise(3, 64 * MIB);
    world.put("whole", &bytes).await.unwrap();
    world.sites.faults[1].change(|plan| plan.pace.base = Duration::from_secs(30));
    world.put("slow", &bytes).await.unwrap();
    world.sites.faults[1].change(|plan| plan.pace.base = Duration::ZERO);
    assert!(world.get("whole").await.unwrap() == bytes);
    assert!(world.get("slow").await.unwrap() == bytes);
}

#[tokio::test(start_paused = true)]
async fn stalled_readers_and_writers_keep_nobody_else_waiting() {
    let settings = engine::Settings { memory_budget_bytes: 64 * MIB, ..world::settings() };
    let world = World::with(15, settings).await;
    let bytes = noise(3, 32 * MIB);
    world.put("large", &bytes).await.unwrap();
    world.put("small", b"leaf").await.unwrap();
    let mut stalled = Vec::new();
    for _ in 0..40 {
        // Each takes one frame and then nothing more.
        let found = world.engine.find(world.permit("large").await).await.unwrap();
        let mut reading = found.read(0..bytes.len() as u64);
        let _ = tokio::time::timeout(Duration::from_secs(1), futures::StreamExt::next(&mut reading)).await;
        stalled.push(reading);
    }
    let mut uploads = Vec::new();
    for i in 0..40 {
        let (engine, permit) = (world.engine.clone(), world.permit::<PutObject>(&format!("never-{i}")).await);
        let put = Put { declared: declared(200 * MIB), ..Put::default() };
        uploads.push(tokio::spawn(async move {
            let body = Box::pin(futures::stream::pending());
            engine.put(permit, put, body).await.map(drop)
        }));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let soon = Duration::from_secs(5);
    assert_eq!(tokio::time::timeout(soon, world.get("small")).await.unwrap().unwrap(), "leaf");
    tokio::time::timeout(soon, world.put("other", b"leaf")).await.unwrap().unwrap();
    // A large read is told to come again rather than kept waiting for ever.
    let waited = tokio::time::timeout(Duration::from_secs(30), world.get("large")).await.unwrap();
    assert!(matches!(waited, Err(Error::Unavailable { .. })));
    drop(stalled);
    assert!(world.get("large").await.unwrap() == bytes);
    uploads.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn a_checksum_that_was_declared_for_the_whole_must_be_the_one_found() {
    let world = World::new(16).await;
    let engine = &world.engine;
    let upload = engine.start_upload(world.permit("u").await, StartUpload::default()).await.unwrap();
    let part = engine.put_part(world.permit("u").await, upload.id, 1, declared(3), body(b"tea")).await.unwrap();
    let named = CompletedPart { number: 1, etag: part.etag.clone(), checksum: None };
    let wrong = |algorithm: Algorithm| Checksum::full(algorithm, vec![0; algorithm.bytes()]);
    let cases = [
        Complete { checksum: Some(wrong(Algorithm::Crc32)), parts: vec![named.clone()], ..Complete::default() },
        Complete { checksum: Some(wrong(Algorithm::Crc64Nvme)), parts: vec![named.clone()], ..Complete::default() },
        Complete {
            parts: vec![CompletedPart { checksum: Some(wrong(Algorithm::Sha1)), ..named.clone() }],
            ..Complete::default()
        },
        Complete { size: Some(4), parts: vec![named.clone()], ..Complete::default() },
    ];
    for complete in cases {
        engine.complete_upload(world.permit("u").await, upload.id, complete).await.unwrap_err();
    }
    let good = Complete { parts: vec![named], checksum: part.checksums.first().cloned(), ..Complete::default() };
    engine.complete_upload(world.permit("u").await, upload.id, good).await.unwrap();
}
