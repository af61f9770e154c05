use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::*;
use crate::fault::Fault;
use crate::site::locked;

type Objects = Arc<std::sync::Mutex<BTreeMap<String, Bytes>>>;

/// A store of objects behind a proxy.
struct World {
    site: Arc<Site>,
    objects: Objects,
    address: SocketAddr,
}

impl World {
    async fn start(speaks: Speaks, quirks: Quirks) -> World {
        let objects = Objects::default();
        let stand_in = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let site = Arc::new(Site::new(stand_in.local_addr().unwrap(), speaks, quirks, 7));
        tokio::spawn(stand_in_for_a_vendor(stand_in, Arc::clone(&objects)));
        let door = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = door.local_addr().unwrap();
        tokio::spawn(relay::accept(door, Arc::clone(&site)));
        World { site, objects, address }
    }

    /// One request on a connection of its own: status and body, or `None` when the connection broke.
    async fn ask(&self, method: Method, path: &str, body: &Bytes) -> Option<(u16, Bytes)> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request =
            Request::builder().method(method).uri(path).header("host", "signed.example").body(Full::new(body.clone()));
        let answer = sender.send_request(request.unwrap()).await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.into_body().collect().await.ok()?.to_bytes()))
    }

    async fn put(&self, path: &str, body: &Bytes) -> Option<u16> {
        self.ask(Method::PUT, path, body).await.map(|(status, _)| status)
    }

    async fn get(&self, path: &str) -> Option<(u16, Bytes)> {
        self.ask(Method::GET, path, &Bytes::new()).await
    }

    fn count(&self, kind: &str) -> u64 {
        self.site.counts.to_json().get(kind).unwrap().as_u64().unwrap()
    }

    fn has(&self, path: &str) -> bool {
        locked(&self.objects).contains_key(path)
    }
}

async fn stand_in_for_a_vendor(door: TcpListener, objects: Objects) {
    while let Ok((stream, _)) = door.accept().await {
        let objects = Arc::clone(&objects);
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let objects = Arc::clone(&objects);
            async move { Ok::<_, Infallible>(Response::new(Full::new(keep_or_give(&objects, request).await))) }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn keep_or_give(objects: &Objects, request: Request<Incoming>) -> Bytes {
    let path = request.uri().path().to_owned();
    let host = request.headers().get("host").map(|host| Bytes::copy_from_slice(host.as_bytes()));
    match (request.method().clone(), path.as_str()) {
        (Method::PUT, _) => {
            // A body that breaks off is not kept.
            if let Ok(body) = request.into_body().collect().await {
                locked(objects).insert(path, body.to_bytes());
            }
            Bytes::new()
        }
        (_, "/b") => {
            let keys = locked(objects).keys().map(|path| path.trim_start_matches("/b/").to_owned()).collect::<Vec<_>>();
            keys.iter().map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect::<String>().into()
        }
        (_, "/b/host") => host.unwrap_or_default(),
        _ => locked(objects).get(&path).cloned().unwrap_or_default(),
    }
}

fn body() -> Bytes {
    (0..100_000u32).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn a_well_site_gets_what_was_sent_and_signed() {
    let world = World::start(Speaks::S3, Quirks::None).await;
    assert_eq!(world.put("/b/a", &body()).await, Some(200));
    assert_eq!(world.get("/b/a").await, Some((200, body())));
    assert_eq!(world.get("/b/host").await, Some((200, "signed.example".into())));
    world.get("/b?list-type=2").await.unwrap();
    assert_eq!(["put", "get", "list", "head", "struck"].map(|kind| world.count(kind)), [1, 2, 1, 0, 0]);
}

#[tokio::test]
async fn each_vendor_asks_for_less_in_its_own_words() {
    for (speaks, words) in
        [(Speaks::S3, "<Code>SlowDown<"), (Speaks::Azure, "<Code>ServerBusy<"), (Speaks::Gcs, "\"backendError\"")]
    {
        let world = World::start(speaks, Quirks::None).await;
        world.site.set_fault(Fault::SlowDown { share: 1.0 });
        let (status, text) = world.ask(Method::PUT, "/b/a", &body()).await.unwrap();
        assert!(status == 503 && String::from_utf8_lossy(&text).contains(words), "{text:?}");
        assert!(!world.has("/b/a"));
    }
}

#[tokio::test]
async fn a_flipped_body_has_its_length_and_one_other_byte() {
    let world = World::start(Speaks::S3, Quirks::None).await;
    world.put("/b/a", &body()).await.unwrap();
    world.site.set_fault(Fault::Flip { share: 1.0 });
    for _ in 0..8 {
        let (status, found) = world.get("/b/a").await.unwrap();
        let other = found.iter().zip(&body()).filter(|(one, other)| one != other).count();
        assert_eq!((status, found.len(), other), (200, body().len(), 1));
    }
}

#[tokio::test]
async fn a_share_is_a_share() {
    let world = World::start(Speaks::S3, Quirks::None).await;
    world.put("/b/a", &body()).await.unwrap();
    world.site.set_fault(Fault::SlowDown { share: 0.5 });
    let mut refused = 0;
    for _ in 0..40 {
        refused += u64::from(world.get("/b/a").await.unwrap().0 == 503);
    }
    assert!((8..=32).contains(&refused), "{refused} of 40");
    assert_eq!(world.count("struck"), refused);
}

#[tokio::test]
async fn a_reset_breaks_bodies_both_ways() {
    let world = World::start(Speaks::S3, Quirks::None).await;
    world.put("/b/a", &body()).await.unwrap();
    world.site.set_fault(Fault::Reset { share: 1.0 });
    assert_eq!(world.get("/b/a").await, None);
    assert_eq!(world.put("/b/half", &body()).await, None);
    world.site.set_fault(Fault::Well);
    assert_eq!(world.get("/b/a").await, Some((200, body())));
    assert!(!world.has("/b/half"));
}

#[tokio::test]
async fn a_write_that_landed_is_told_to_have_failed() {
    let world = World::start(Speaks::S3, Quirks::None).await;
    world.site.set_fault(Fault::Landed { share: 1.0 });
    let mut answers = Vec::new();
    for n in 0..16 {
        answers.push(world.put(&format!("/b/{n}"), &body()).await);
        assert!(world.has(&format!("/b/{n}")));
    }
    answers.sort_unstable();
    answers.dedup();
    assert_eq!(answers, [None, Some(500)]);
}

#[tokio::test]
async fn a_hung_site_stalls_old_and_new_connections_and_goes_on_later() {
    let world = World::start(Speaks::S3, Quirks::None).await;
    world.put("/b/a", &body()).await.unwrap();
    world.site.set_fault(Fault::Hung);
    let mut asked = Box::pin(world.get("/b/a"));
    assert!(timeout(Duration::from_millis(200), &mut asked).await.is_err());
    let struck = world.count("struck");
    assert!((1..=2).contains(&struck), "connections, not looks: {struck}");
    world.site.set_fault(Fault::Well);
    assert_eq!(asked.await, Some((200, body())));
}

#[tokio::test]
async fn a_slow_link_is_shared_by_all_and_carries_its_rate() {
    let world = World::start(Speaks::S3, Quirks::None).await;
    world.put("/b/a", &body()).await.unwrap();
    world.site.set_fault(Fault::Slow { bytes_per_second: 4 * body().len() as u64 });
    let start = Instant::now();
    let (one, other) = tokio::join!(world.get("/b/a"), world.get("/b/a"));
    assert_eq!((one, other), (Some((200, body())), Some((200, body()))));
    // The last piece is on the way while it is being paid for.
    assert!(start.elapsed() > Duration::from_millis(250), "{:?}", start.elapsed());
}

#[tokio::test]
async fn yesterdays_listing_misses_what_came_since() {
    let world = World::start(Speaks::S3, Quirks::None).await;
    world.put("/b/old", &body()).await.unwrap();
    let then = world.get("/b?list-type=2").await.unwrap();
    locked(&world.site.listings).moment();
    world.put("/b/new", &body()).await.unwrap();
    world.site.set_fault(Fault::Yesterday);
    assert_eq!(world.get("/b?list-type=2").await, Some(then.clone()));
    assert_eq!(world.get("/b?list-type=2&prefix=").await, Some(then));
    assert_eq!(world.get("/b/new").await, Some((200, body())));
    world.site.set_fault(Fault::Well);
    let (_, now) = world.get("/b?list-type=2").await.unwrap();
    assert!(String::from_utf8_lossy(&now).contains("<Key>new</Key>"));
}

#[tokio::test]
async fn a_stand_in_that_is_gone_breaks_the_connection() {
    let world = World::start(Speaks::S3, Quirks::None).await;
    let nobody = bind(([127, 0, 0, 1], 0).into()).await.unwrap().local_addr().unwrap();
    let site = Arc::new(Site::new(nobody, Speaks::S3, Quirks::None, 1));
    let door = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let world = World { address: door.local_addr().unwrap(), site: Arc::clone(&site), ..world };
    tokio::spawn(relay::accept(door, site));
    assert_eq!(world.get("/b/a").await, None);
}
