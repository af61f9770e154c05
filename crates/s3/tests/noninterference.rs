//! What happens above a session does not happen for it: histories that differ above give it the same
//! answers, byte for byte, and what is hidden is asked for by the same queries as what is not there.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may stop"
)]

mod world;

use model::label::Parts;
use model::{AccessKeyId, Label, Level, PrincipalId};
use policy::SystemPermit;
use world::sign::Signer;
use world::wire::{Answer, Request, send};
use world::{World, cleared, key_at};

fn high() -> Label {
    Label::new(Parts { level: Level(64), ..Label::LOWEST.parts() })
}

/// A generator that is the same everywhere (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

/// What a session was told of ids, newest last: it asks for them again.
#[derive(Default)]
struct Known {
    uploads: Vec<String>,
    versions: Vec<String>,
}

impl Known {
    fn upload(&self, dice: &mut Dice) -> String {
        pick(&self.uploads, dice).unwrap_or_else(|| "0".repeat(32))
    }

    fn version(&self, dice: &mut Dice) -> String {
        pick(&self.versions, dice).unwrap_or_else(|| "null".to_owned())
    }

    fn hear(&mut self, answer: &Answer) {
        self.uploads.extend(Some(answer.one("UploadId").to_owned()).filter(|id| !id.is_empty()));
        self.versions.extend(answer.value("x-amz-version-id").map(str::to_owned));
    }
}

fn pick(ids: &[String], dice: &mut Dice) -> Option<String> {
    (!ids.is_empty()).then(|| ids[dice.roll(ids.len())].clone())
}

const BUCKETS: [&str; 4] = ["tea", "cup", "pot", "leaf"];
const KEYS: [&str; 4] = ["a", "b", "c/d", "c/e"];
const VERSIONED: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const TAGS: &str = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";

/// Something that a client may ask.
fn request(dice: &mut Dice, known: &Known) -> Request {
    let (bucket, key) = (dice.one(&BUCKETS), dice.one(&KEYS));
    let of_bucket = |method: &str, query: &str| Request::new(method, &format!("/{bucket}{query}"));
    let of_key = |method: &str, query: &str| Request::new(method, &format!("/{bucket}/{key}{query}"));
    let bytes = || vec![b'x'; 40];
    match dice.roll(36) {
        0..4 => of_bucket("PUT", ""),
        4..10 => of_key("PUT", "").body(bytes()),
        10 | 11 => of_key("GET", ""),
        12 => of_key("HEAD", ""),
        13 => of_key("DELETE", ""),
        14 => of_bucket("DELETE", ""),
        15 => of_bucket("HEAD", ""),
        16 => Request::new("GET", "/"),
        17 => of_bucket("GET", "?list-type=2"),
        18 => of_bucket("GET", "?delimiter=%2F&max-keys=2"),
        19 => of_bucket("GET", "?versions"),
        20 => of_bucket("GET", "?uploads"),
        21 | 22 => of_bucket("PUT", "?versioning").body(VERSIONED),
        23 => of_bucket("GET", "?versioning"),
        24 => of_bucket("PUT", "?tagging").body(TAGS),
        25 => of_bucket("GET", "?tagging"),
        26 => of_bucket("PUT", "?acl").header("x-amz-acl", dice.one(&["private", "public-read"])),
        27 => of_bucket("GET", "?acl"),
        28 | 29 => of_key("POST", "?uploads"),
        30 => of_key("PUT", &format!("?partNumber=1&uploadId={}", known.upload(dice))).body(bytes()),
        31 => of_key("DELETE", &format!("?uploadId={}", known.upload(dice))),
        32 => of_key("GET", &format!("?versionId={}", known.version(dice))),
        33 => of_key("DELETE", &format!("?versionId={}", known.version(dice))),
        34 => of_key("PUT", "").header("x-amz-copy-source", &format!("/{}/{}", dice.one(&BUCKETS), dice.one(&KEYS))),
        _ => of_bucket("POST", "?delete")
            .body("<Delete><Object><Key>a</Key></Object><Object><Key>c/d</Key></Object></Delete>"),
    }
}

/// Whose values are new in every world, or tell the time.
const OWN_HEADERS: [&str; 5] = ["date", "last-modified", "x-amz-request-id", "x-amz-id-2", "x-amz-version-id"];
const OWN_ELEMENTS: [&str; 10] = [
    "RequestId",
    "HostId",
    "LastModified",
    "CreationDate",
    "Initiated",
    "UploadId",
    "VersionId",
    "ID",
    "NextVersionIdMarker",
    "NextUploadIdMarker",
];

/// The answer without that.
fn told(answer: &Answer) -> String {
    let mut text = format!("{}\n", answer.status);
    for (name, value) in &answer.headers {
        let own = OWN_HEADERS.contains(&name.as_str());
        text.push_str(&format!("{name}: {}\n", if own { "-" } else { value }));
    }
    let mut body = String::from_utf8(answer.body.clone()).unwrap();
    for element in OWN_ELEMENTS {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let mut rest = std::mem::take(&mut body);
        while let Some((before, after)) = rest.split_once(&open) {
            body.push_str(&format!("{before}{open}-"));
            rest = after[after.find(&close).unwrap()..].to_owned();
        }
        body.push_str(&rest);
    }
    text + &body
}

/// One person, below and above.
struct People {
    world: World,
    principal: PrincipalId,
    low: Signer,
    high: Signer,
}

async fn people() -> People {
    let world = World::new().await;
    let principal = cleared(&world.engine, "ana", high()).await;
    let low = key_at(&world.engine, principal, Label::LOWEST).await;
    let above = key_at(&world.engine, principal, high()).await;
    let signer = |keys| Signer::new(world.address, &keys, world::REGION);
    People { principal, low: signer(low), high: signer(above), world }
}

impl People {
    async fn above(&self, request: Request) -> Answer {
        send(self.world.address, &self.high.header(request)).await
    }

    /// Something that happens above: a request, or a key that comes or goes.
    async fn happens_above(&self, dice: &mut Dice, known: &mut Known) {
        if dice.roll(12) > 0 {
            known.hear(&self.above(request(dice, known)).await);
            return;
        }
        let (id, _) = key_at(&self.world.engine, self.principal, high()).await;
        let revoked = self.world.engine.revoke_key(&SystemPermit::for_background_work(), &AccessKeyId(id)).await;
        assert!(revoked.is_ok());
    }
}

/// What the low session is told by a script of its own, with so much happening above before and between.
async fn script(seed: u64, before: usize, between: usize) -> Vec<(String, String)> {
    let people = people().await;
    let (mut above, mut known_above) = (Dice(seed ^ u64::MAX), Known::default());
    for _ in 0..before {
        people.happens_above(&mut above, &mut known_above).await;
    }
    let (mut dice, mut known, mut answers) = (Dice(seed), Known::default(), Vec::new());
    for _ in 0..80 {
        for _ in 0..between {
            people.happens_above(&mut above, &mut known_above).await;
        }
        let request = request(&mut dice, &known);
        let asked = format!("{} {}", request.method, request.target.split("Id=").next().unwrap());
        let answer = send(people.world.address, &people.low.header(request)).await;
        known.hear(&answer);
        answers.push((asked, told(&answer)));
    }
    let statuses: std::collections::BTreeSet<_> = answers.iter().map(|(_, told)| told[..3].to_owned()).collect();
    assert!(statuses.contains("200") && statuses.contains("404"), "a script that comes to nothing: {statuses:?}");
    answers
}

async fn check(seed: u64) {
    let alone = script(seed, 0, 0).await;
    let busy = script(seed, 60, 1).await;
    for (number, (alone, busy)) in alone.iter().zip(&busy).enumerate() {
        assert_eq!(alone, busy, "seed {seed}, request {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_that_differ_above_are_one_history_below() {
    for seed in 1..=4 {
        check(seed).await;
    }
}

/// Every operation of the door, asked of a bucket by its name.
fn every_operation(bucket: &str) -> Vec<Request> {
    const OF_BUCKETS: &str = "GET: GET:location GET:list-type=2 GET:uploads GET:versions GET:versioning GET:tagging GET:lifecycle \
        GET:object-lock GET:acl GET:cors GET:ownershipControls GET:publicAccessBlock GET:policyStatus GET:encryption \
        GET:requestPayment GET:policy GET:website GET:replication GET:logging GET:notification GET:accelerate HEAD: DELETE: \
        DELETE:tagging DELETE:lifecycle DELETE:cors DELETE:ownershipControls DELETE:publicAccessBlock DELETE:encryption \
        DELETE:policy DELETE:website DELETE:replication";
    const OF_OBJECTS: &str = "GET: HEAD: DELETE: GET:tagging GET:retention GET:legal-hold GET:attributes GET:acl GET:versionId=null \
        DELETE:tagging POST:uploads GET:uploadId=00000000000000000000000000000000 DELETE:uploadId=00000000000000000000000000000000";
    const DOCUMENTS: [(&str, &str, &str); 12] = [
        ("PUT", "?versioning", VERSIONED),
        ("PUT", "?tagging", TAGS),
        ("PUT", "/a?tagging", TAGS),
        ("PUT", "?acl", ""),
        ("PUT", "/a?acl", ""),
        ("PUT", "/a", "bytes"),
        ("PUT", "/a?partNumber=1&uploadId=00000000000000000000000000000000", "bytes"),
        ("PUT", "/a?legal-hold", "<LegalHold><Status>ON</Status></LegalHold>"),
        (
            "PUT",
            "?requestPayment",
            "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
        ),
        ("POST", "?delete", "<Delete><Object><Key>a</Key></Object></Delete>"),
        (
            "PUT",
            "?publicAccessBlock",
            "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>",
        ),
        ("PUT", "", ""),
    ];
    let plain = |path: &'static str| move |operation: &'static str| (operation, path);
    let of_buckets = OF_BUCKETS.split_whitespace().map(plain(""));
    let of_objects = OF_OBJECTS.split_whitespace().map(plain("/a"));
    let mut requests: Vec<Request> = of_buckets
        .chain(of_objects)
        .map(|(operation, path)| {
            let (method, query) = operation.split_once(':').unwrap();
            let request = Request::new(method, &format!("/{bucket}{path}?{query}"));
            if query == "attributes" { request.header("x-amz-object-attributes", "ETag") } else { request }
        })
        .collect();
    for (source, target) in [(bucket, "below"), ("below", bucket)] {
        requests
            .push(Request::new("PUT", &format!("/{target}/new")).header("x-amz-copy-source", &format!("/{source}/a")));
    }
    requests.extend(DOCUMENTS.map(|(method, path, body)| {
        let request = Request::new(method, &format!("/{bucket}{path}")).body(body);
        if path.ends_with("?acl") { request.header("x-amz-acl", "private") } else { request }
    }));
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_is_asked_for_by_the_same_queries_as_what_is_not_there() {
    let people = people().await;
    let world = &people.world;
    for request in [
        Request::new("PUT", "/hidden"),
        Request::new("PUT", "/hidden/a").body("above"),
        Request::new("PUT", "/hidden?acl").header("x-amz-acl", "public-read-write"),
        Request::new("POST", "/hidden/a?uploads"),
    ] {
        assert_eq!(people.above(request).await.status, 200);
    }
    for request in [Request::new("PUT", "/below"), Request::new("PUT", "/below/a").body("below")] {
        assert_eq!(send(world.address, &people.low.header(request)).await.status, 200);
    }
    // What the session's own bucket says about others is remembered from here on.
    assert_eq!(send(world.address, &people.low.header(Request::new("GET", "/below?acl"))).await.status, 200);
    let mut queries = 0;
    for (hidden, absent) in every_operation("hidden").into_iter().zip(every_operation("nobody")) {
        let what = format!("{} {}", hidden.method, hidden.target);
        let mut seen = Vec::new();
        for (request, name) in [(hidden, "hidden"), (absent, "nobody")] {
            world.catalog.take();
            let answer = send(world.address, &people.low.header(request)).await;
            seen.push((world.catalog.take(), told(&answer).replace(name, "NAME")));
        }
        assert_eq!(seen[0], seen[1], "{what}");
        queries += seen[0].0.len();
    }
    assert!(queries > 50, "{queries} queries: nobody counts");
    assert_eq!(people.above(Request::new("GET", "/hidden/a")).await.text(), "above");
}
