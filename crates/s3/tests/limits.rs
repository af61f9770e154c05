//! Each limit of the door, made small and met.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may stop"
)]

mod world;

use std::time::{Duration, Instant};

use s3::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use world::wire::{Answer, Request, connect, read};
use world::{REGION, World, content};

const SHORT: Duration = Duration::from_millis(300);
/// Long enough for a slow machine, short enough to be told from a minute.
const SOON: Duration = Duration::from_secs(20);

async fn world(change: impl FnOnce(&mut Limits)) -> World {
    let mut limits = Limits::default();
    change(&mut limits);
    World::with(REGION, limits).await
}

/// Reads until the door closes the connection; how long that took.
async fn closes(mut stream: TcpStream) -> Duration {
    let started = Instant::now();
    let mut bytes = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the door closes the connection");
    started.elapsed()
}

/// Sends the head and `sent` bytes of the body, then nothing; the answer.
async fn dawdle(world: &World, request: Request, sent: usize) -> Option<Answer> {
    let mut stream = connect(world.address).await;
    let body = request.body[..sent].to_vec();
    stream.write_all(&[request.head(), body].concat()).await.unwrap();
    timeout(SOON, read(&mut stream, "PUT")).await.expect("an answer or an end")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_closes_the_connection() {
    let world = world(|limits| limits.head_time = SHORT).await;
    for sent in [&b""[..], b"GET /tea HTTP/1.1\r\nhost: loc"] {
        let mut stream = connect(world.address).await;
        stream.write_all(sent).await.unwrap();
        assert!(closes(stream).await >= SHORT / 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_long_is_refused() {
    let world = world(|limits| limits.head_bytes = 2000).await;
    let request = Request::new("GET", "/tea").header("x-filler", &"x".repeat(2000));
    assert_eq!(world.ask(request).await.code(), (400, "RequestHeaderSectionTooLarge"));
    // Beyond what a connection buffers, HTTP itself refuses.
    let request = Request::new("GET", "/tea").header("x-filler", &"x".repeat(300_000));
    assert_eq!(world.ask(request).await.status, 431);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_is_given_up() {
    let world = world(|limits| limits.idle_time = SHORT).await;
    let put = world.signer().header(Request::new("PUT", "/tea/a").body(content(100_000)));
    assert_eq!(dawdle(&world, put, 5000).await.expect("an answer").code(), (400, "RequestTimeout"));
    assert_eq!(world.get("/tea/a").await.status, 404);
    let delete = world.signer().header(Request::new("POST", "/tea?delete").body("<Delete></Delete>"));
    assert_eq!(dawdle(&world, delete, 5).await.expect("an answer").code(), (400, "RequestTimeout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_that_keeps_coming_is_waited_for() {
    let world = world(|limits| limits.idle_time = Duration::from_secs(2)).await;
    let put = world.signer().header(Request::new("PUT", "/tea/a").body(content(3 << 16)));
    let mut stream = connect(world.address).await;
    stream.write_all(&put.head()).await.unwrap();
    for piece in put.body.chunks(1 << 16) {
        sleep(Duration::from_millis(800)).await;
        stream.write_all(piece).await.unwrap();
    }
    assert_eq!(read(&mut stream, "PUT").await.expect("an answer").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_is_given_up() {
    let world = world(|limits| limits.idle_time = Duration::from_secs(1)).await;
    let put = world.signer().header(Request::new("PUT", "/tea/a").body(content(100_000)));
    let mut stream = connect(world.address).await;
    stream.write_all(&put.head()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let feed = tokio::spawn(async move {
        for piece in put.body.chunks(10) {
            sleep(Duration::from_millis(50)).await;
            if writer.write_all(piece).await.is_err() {
                break;
            }
        }
    });
    let mut bytes = Vec::new();
    let _ = timeout(SOON, reader.read_to_end(&mut bytes)).await.expect("an answer");
    assert!(String::from_utf8_lossy(&bytes).contains("RequestTimeout"));
    feed.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_given_up() {
    let world = world(|limits| {
        limits.idle_time = SHORT;
        limits.drain_time = SOON;
    });
    let mut world = world.await;
    assert_eq!(world.put("/tea/big", content(32 << 20)).await.status, 200);
    let mut stream = connect(world.address).await;
    stream.write_all(&world.signer().header(Request::new("GET", "/tea/big")).head()).await.unwrap();
    stream.readable().await.unwrap();
    // The door waits for this connection alone, and not for its drain limit.
    let started = Instant::now();
    timeout(SOON, world.close()).await.expect("the connection was given up").unwrap();
    assert!(started.elapsed() < SOON / 2);
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_a_limit_in_all() {
    let world = world(|limits| limits.request_time = Duration::from_millis(900)).await;
    let put = world.signer().header(Request::new("PUT", "/tea/a").body(content(10_000)));
    let mut stream = connect(world.address).await;
    stream.write_all(&put.head()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let feed = tokio::spawn(async move {
        for piece in put.body.chunks(10) {
            sleep(Duration::from_millis(50)).await;
            if writer.write_all(piece).await.is_err() {
                break;
            }
        }
    });
    let mut bytes = Vec::new();
    let _ = timeout(SOON, reader.read_to_end(&mut bytes)).await.expect("an answer");
    assert!(String::from_utf8_lossy(&bytes).contains("RequestTimeout"));
    feed.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_has_a_limit() {
    let world = world(|limits| limits.document_bytes = 4096).await;
    let delete = |length| Request::new("POST", "/tea?delete").body(" ".repeat(length));
    assert_eq!(world.ask(delete(4096)).await.code(), (400, "MalformedXML"));
    assert_eq!(world.ask(delete(4097)).await.code(), (400, "MaxMessageLengthExceeded"));
    let get = Request::new("GET", "/tea").body("x");
    assert_eq!(world.ask(get).await.code(), (400, "InvalidRequest"));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_documents_together_hold_no_more_than_their_share() {
    let world = world(|limits| {
        limits.document_bytes = 4096;
        limits.documents_bytes = 4096;
        limits.document_time = Duration::from_millis(1500);
    });
    let world = world.await;
    let signer = world.signer();
    let slow = signer.header(Request::new("POST", "/tea?delete").body(" ".repeat(4096)));
    let mut holder = connect(world.address).await;
    holder.write_all(&slow.head()).await.unwrap();
    sleep(SHORT).await;
    // The share is taken: the next document waits until the slow one is out of time.
    let started = Instant::now();
    let next =
        world.ask(Request::new("POST", "/tea?delete").body("<Delete><Object><Key>a</Key></Object></Delete>")).await;
    assert_eq!(next.status, 200, "{next:?}");
    assert!(started.elapsed() > Duration::from_millis(700), "{:?}", started.elapsed());
    assert_eq!(read(&mut holder, "POST").await.expect("an answer").code(), (400, "RequestTimeout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_waits_for_its_share_no_longer_than_is_fair() {
    let world = world(|limits| {
        limits.document_bytes = 4096;
        limits.documents_bytes = 4096;
        limits.documents_wait = SHORT;
    });
    let world = world.await;
    let slow = world.signer().header(Request::new("POST", "/tea?delete").body(" ".repeat(4096)));
    let mut holder = connect(world.address).await;
    holder.write_all(&slow.head()).await.unwrap();
    sleep(SHORT).await;
    let delete = Request::new("POST", "/tea?delete").body("<Delete><Object><Key>a</Key></Object></Delete>");
    assert_eq!(timeout(SOON, world.ask(delete)).await.expect("an answer").code(), (503, "SlowDown"));
    // Nothing takes no room.
    let mut bare = world.signer().header(Request::new("PUT", "/pot").header("connection", "close"));
    bare.finish = false;
    for empty in [world.signer().header(Request::new("PUT", "/cup")), bare] {
        let answer = timeout(SOON, world::wire::send(world.address, &empty)).await.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    drop(holder);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_cap_wait_their_turn() {
    let world = world(|limits| limits.connections = 2).await;
    let held = [connect(world.address).await, connect(world.address).await];
    sleep(SHORT).await;
    let third = timeout(Duration::from_secs(1), world.get("/tea")).await;
    assert!(third.is_err(), "a third connection was served");
    drop(held);
    assert_eq!(timeout(SOON, world.get("/tea")).await.expect("served").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_finishes_what_is_under_way() {
    let mut world = world(|_| {}).await;
    let put = world.signer().header(Request::new("PUT", "/tea/a").body(content(1000)));
    let mut stream = connect(world.address).await;
    stream.write_all(&[put.head(), put.body[..500].to_vec()].concat()).await.unwrap();
    let idle = connect(world.address).await;
    sleep(SHORT).await;
    let address = world.address;
    let closing = world.close();
    // An idle connection ends at once; nobody new is let in.
    let _ = closes(idle).await;
    assert!(TcpStream::connect(address).await.is_err(), "still listening");
    stream.write_all(&put.body[500..]).await.unwrap();
    assert_eq!(read(&mut stream, "PUT").await.expect("an answer").status, 200);
    timeout(SOON, closing).await.expect("closed").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_has_a_limit() {
    let mut world = world(|limits| limits.drain_time = SHORT).await;
    let put = world.signer().header(Request::new("PUT", "/tea/a").body(content(1000)));
    let mut stream = connect(world.address).await;
    stream.write_all(&put.head()).await.unwrap();
    sleep(SHORT).await;
    timeout(SOON, world.close()).await.expect("closed").unwrap();
    let _ = closes(stream).await;
}
