//! The door over a real engine in memory: what gets through, what is refused before the engine is
//! asked, and what a client sees.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may stop"
)]

mod world;

use engine::SideHealth;
use policy::SystemPermit;
use providers::fault::State;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::sign::{Signer, encode};
use world::wire::{Answer, Request, connect, send};
use world::{World, content, soon};

/// CRC32 of `123456789`, and MD5.
const CHECK: &[u8] = b"123456789";
const CHECK_CRC32: &str = "y/Q5Jg==";
const CHECK_MD5: &str = "25f9e794323b453885f5181f1b624d0b";

async fn refused(world: &World, what: &str, request: &Request) -> Answer {
    let before = world.engine.calls();
    let answer = send(world.address, request).await;
    assert!((400..=501).contains(&answer.status), "{what}: {answer:?}");
    assert_eq!(world.engine.calls(), before, "{what} reached the engine");
    assert!(answer.value("x-amz-request-id").is_some(), "{what} has no request id");
    if request.method != "HEAD" {
        assert_eq!(answer.one("RequestId"), answer.value("x-amz-request-id").unwrap_or_default(), "{what}");
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_never_reaches_the_engine() {
    let world = World::new().await;
    let signer = world.signer();
    const NAMES: &str = "abac accelerate acl analytics cors encryption intelligent-tiering inventory \
        logging metadataConfiguration metadataTable metrics notification ownershipControls \
        policy policyStatus publicAccessBlock renameObject replication requestPayment restore select session \
        torrent unheard-of website";
    // Where one of them is served; it is refused everywhere else.
    const SERVED: [(&str, &str, &str); 14] = [
        ("/tea", "acl", "GET PUT"),
        ("/tea/a", "acl", "GET PUT"),
        ("/tea", "cors", "GET PUT DELETE"),
        ("/tea", "ownershipControls", "GET PUT DELETE"),
        ("/tea", "publicAccessBlock", "GET PUT DELETE"),
        ("/tea", "policyStatus", "GET"),
        ("/tea", "encryption", "GET PUT DELETE"),
        ("/tea", "requestPayment", "GET PUT"),
        ("/tea", "policy", "GET DELETE"),
        ("/tea", "website", "GET DELETE"),
        ("/tea", "replication", "GET DELETE"),
        ("/tea", "logging", "GET"),
        ("/tea", "notification", "GET"),
        ("/tea", "accelerate", "GET"),
    ];
    let served = |method: &str, path: &str, name: &str| {
        SERVED.iter().any(|row| row.0 == path && row.1 == name && row.2.split(' ').any(|served| served == method))
    };
    for name in NAMES.split_ascii_whitespace() {
        for (method, path) in [
            ("GET", "/tea"),
            ("PUT", "/tea"),
            ("DELETE", "/tea"),
            ("POST", "/tea"),
            ("GET", "/tea/a"),
            ("PUT", "/tea/a"),
            ("DELETE", "/tea/a"),
            ("POST", "/tea/a"),
            ("HEAD", "/tea/a"),
        ] {
            if served(method, path, name) {
                continue;
            }
            let request = signer.header(Request::new(method, &format!("{path}?{name}")));
            refused(&world, &format!("{method} {path}?{name}"), &request).await;
        }
    }
    const HEADERS: &str = "x-amz-copy-source x-amz-copy-source-range x-amz-grant-read x-amz-bypass-governance-retention x-amz-mfa \
        x-amz-server-side-encryption-customer-key x-amz-website-redirect-location x-amz-write-offset-bytes \
        x-amz-security-token x-amz-request-payer x-amz-unheard-of if-modified-since if-range range";
    for name in HEADERS.split_ascii_whitespace() {
        let request = signer.header(Request::new("PUT", "/tea/a").header(name, "x"));
        refused(&world, name, &request).await;
    }
    assert_eq!(world.get("/tea").await.all("Key"), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_prove_who_they_are_never_reaches_the_engine() {
    let world = World::new().await;
    let signer = world.signer();
    let plain = || Request::new("PUT", "/tea/a").header("host", "localhost").body("x");
    let with = |keys: (&str, &str), region| Signer::new(world.address, &(keys.0.into(), keys.1.into()), region);
    let right = (world.keys.0.as_str(), world.keys.1.as_str());
    let put = || Request::new("PUT", "/tea/a").body("x");
    let mut unsigned_header = signer.header(put());
    unsigned_header.headers.push(("x-amz-meta-a".into(), "b".into()));
    let mut other_path = signer.header(put());
    other_path.target = "/tea/b".into();
    let mut other_query = signer.presigned(put(), 60);
    other_query.target.push_str("&prefix=a");
    let mut copy = signer.presigned(put(), 60);
    copy.headers.push(("x-amz-copy-source".into(), "/tea/b".into()));
    let mut twice = signer.header(signer.presigned(put(), 60));
    twice.headers.dedup();
    for (what, request, status, code) in [
        ("nobody", plain(), 403, "AccessDenied"),
        ("version 2", plain().header("authorization", "AWS ENTE:c2ln"), 400, "InvalidRequest"),
        ("a wrong secret", with((right.0, "wrong"), "us-east-1").header(put()), 403, "SignatureDoesNotMatch"),
        ("no such key", with(("ENTE", right.1), "us-east-1").header(put()), 403, "InvalidAccessKeyId"),
        ("another region", with(right, "mars-1").header(put()), 400, "AuthorizationHeaderMalformed"),
        ("an unsigned header", unsigned_header, 403, "AccessDenied"),
        ("another path", other_path, 403, "SignatureDoesNotMatch"),
        ("a changed query", other_query, 501, "NotImplemented"),
        ("a presigned PUT made a copy", copy, 403, "AccessDenied"),
        ("two credentials", twice, 400, "InvalidArgument"),
    ] {
        assert_eq!(refused(&world, what, &request).await.code(), (status, code), "{what}");
    }
    let changed = signer.presigned(Request::new("GET", "/tea?prefix=a"), 60);
    let changed = Request { target: changed.target.replace("prefix=a", "prefix=b"), ..changed };
    assert_eq!(refused(&world, "another prefix", &changed).await.code(), (403, "SignatureDoesNotMatch"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_that_counts_is_the_one_handed_in() {
    let world = World::new().await;
    let minute = 60_000;
    for (minutes, status) in [(0, 200), (14, 200), (-14, 200), (16, 403), (-16, 403), (30 * 24 * 60, 403)] {
        world.offset_ms.store(minutes * minute, Ordering::SeqCst);
        assert_eq!(world.get("/tea").await.status, status, "{minutes} minutes");
    }
    let url = world.signer().presigned(Request::new("GET", "/tea"), 600);
    for (minutes, status) in [(0, 200), (9, 200), (11, 403), (-14, 200), (-16, 403)] {
        world.offset_ms.store(minutes * minute, Ordering::SeqCst);
        assert_eq!(send(world.address, &url).await.status, status, "{minutes} minutes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_never_normalised() {
    let world = World::new().await;
    let mut keys = vec![
        "a",
        "a/",
        "/a",
        "//",
        "a//b",
        "../a",
        "a/../b",
        "./a",
        "a b",
        "a+b",
        "a%2Fb",
        "ключ/чай",
        "a&b=c",
        "~a-._",
        "a;b:c@d",
        "*'()!",
        "a\\b",
        "a#b?c",
    ];
    for key in &keys {
        let path: Vec<_> = key.split('/').map(encode).collect();
        let answer = world.put(&format!("/tea/{}", path.join("/")), *key).await;
        assert_eq!(answer.status, 200, "{key}: {answer:?}");
    }
    for key in &keys {
        // In the other style, and read back under exactly that key.
        let path: Vec<_> = key.split('/').map(encode).collect();
        let mut signer = world.signer();
        signer.host = format!("tea.localhost:{}", world.address.port());
        let answer = send(world.address, &signer.header(Request::new("GET", &format!("/{}", path.join("/"))))).await;
        assert_eq!((answer.status, answer.text()), (200, *key));
    }
    let listed = world.get("/tea?list-type=2").await;
    let found: Vec<_> = listed.all("Key").iter().map(|key| key.replace("&amp;", "&").replace("&apos;", "'")).collect();
    keys.sort_unstable();
    assert_eq!(found, keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_signed_as_it_came_is_proven_too() {
    // Some clients sign a path with characters that others encode.
    let world = World::new().await;
    assert_eq!(world.put("/tea/a%2Bb", "x").await.status, 200);
    let mut request = world.signer().header(Request::new("GET", "/tea/a%2Bb"));
    request.target = "/tea/a+b".into();
    assert_eq!(send(world.address, &request).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_body_is_stored_as_its_bytes() {
    let world = World::new().await;
    let signer = world.signer();
    for (length, chunk) in [(0, 1), (9, 4), (70_000, 65_536), (3_000_001, 3_000_001), (3_000_001, 8192)] {
        let bytes = content(length);
        let plain = world.put("/tea/plain", bytes.clone()).await;
        let crc = plain.value("x-amz-checksum-crc64nvme").expect("a checksum").to_owned();
        let trailer = ("x-amz-checksum-crc64nvme", crc.as_str());
        let request = || Request::new("PUT", "/tea/framed").body(bytes.clone());
        for framed in [
            signer.chunked(request(), chunk, None),
            signer.chunked(request(), chunk, Some(trailer)),
            signer.unsigned_chunks(request(), chunk, trailer),
            signer.presigned(request(), 60),
            signer.header(request().header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")),
        ] {
            let answer = send(world.address, &framed).await;
            assert_eq!((answer.status, answer.value("etag")), (200, plain.value("etag")), "{answer:?}");
            assert_eq!(answer.value("x-amz-checksum-crc64nvme"), Some(crc.as_str()));
            let back = world.get("/tea/framed").await;
            assert!(back.whole && back.body == bytes, "{length} bytes in chunks of {chunk}");
            assert_eq!(back.value("content-encoding"), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_what_was_promised_is_not_stored() {
    let world = World::new().await;
    let signer = world.signer();
    let put = || Request::new("PUT", "/tea/a").body(CHECK);
    let trailer = ("x-amz-checksum-crc32", CHECK_CRC32);
    let spoil = |mut request: Request, from: &str, to: &str| {
        let body = String::from_utf8(request.body).unwrap();
        assert!(body.contains(from), "nothing to spoil in {body}");
        request.body = body.replacen(from, to, 1).into_bytes();
        request
    };
    let signed = || signer.chunked(put(), 4, Some(trailer));
    let unsigned = |value| signer.unsigned_chunks(put(), 4, ("x-amz-checksum-crc32", value));
    let header = |name: &str, value: &str| signer.header(put().header(name, value));
    for (what, request, status, code) in [
        ("a changed byte", spoil(signed(), "1234", "1235"), 403, "SignatureDoesNotMatch"),
        ("chunks in another order", swapped(signed()), 403, "SignatureDoesNotMatch"),
        ("a changed trailer", spoil(signed(), CHECK_CRC32, "AAAAAA=="), 403, "SignatureDoesNotMatch"),
        ("an unsigned trailer", spoil(signed(), "x-amz-trailer-signature:", "x-amz-meta-a:"), 400, "InvalidRequest"),
        ("no trailer signature", cut(signed(), "x-amz-trailer-signature"), 403, "SignatureDoesNotMatch"),
        ("no trailer", cut(signed(), "x-amz-checksum"), 400, "InvalidRequest"),
        ("no last chunk", cut(signed(), "0;chunk-signature"), 400, "IncompleteBody"),
        ("a wrong trailer", unsigned("AAAAAA=="), 400, "BadDigest"),
        ("a trailer that is none", unsigned("x"), 400, "InvalidRequest"),
        ("a wrong MD5", header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="), 400, "BadDigest"),
        ("a checksum of parts", header("x-amz-checksum-crc32", &format!("{CHECK_CRC32}-1")), 400, "InvalidRequest"),
        ("a trailer of parts", unsigned(&format!("{CHECK_CRC32}-1")), 400, "InvalidRequest"),
        ("an MD5 that is none", header("content-md5", "AAAA"), 400, "InvalidDigest"),
        ("a wrong CRC32", header("x-amz-checksum-crc32", "AAAAAA=="), 400, "BadDigest"),
        (
            "a wrong payload hash",
            signer.header(put().header("x-amz-content-sha256", &"0".repeat(64))),
            400,
            "XAmzContentSHA256Mismatch",
        ),
        ("metadata that is too long", header("x-amz-meta-a", &"b".repeat(2049)), 400, "MetadataTooLarge"),
    ] {
        assert_eq!(send(world.address, &request).await.code(), (status, code), "{what}");
        assert_eq!(world.get("/tea/a").await.code(), (404, "NoSuchKey"), "{what}");
    }
    assert_eq!(send(world.address, &signed()).await.status, 200);
    assert_eq!(world.get("/tea/a").await.value("etag"), Some(&*format!("\"{CHECK_MD5}\"")));
}

/// The request with its first two chunks of four bytes exchanged, each with its signature.
fn swapped(mut request: Request) -> Request {
    let chunk = b"4;chunk-signature=\r\n1234\r\n".len() + 64;
    let (first, rest) = request.body.split_at(chunk);
    let (second, rest) = rest.split_at(chunk);
    assert!(first.ends_with(b"1234\r\n") && second.ends_with(b"5678\r\n"));
    request.body = [second, first, rest].concat();
    request
}

/// The request with its body cut before `from`.
fn cut(mut request: Request, from: &str) -> Request {
    let at = request.body.windows(from.len()).rposition(|window| window == from.as_bytes()).expect("a place to cut");
    request.body.truncate(at);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_answered_as_asked() {
    let world = World::new().await;
    let put = Request::new("PUT", "/tea/a")
        .header("content-type", "text/plain")
        .header("cache-control", "no-store")
        .header("x-amz-meta-colour", "green")
        .header("x-amz-acl", "private")
        .header("x-amz-checksum-crc32", CHECK_CRC32)
        .body(CHECK);
    assert_eq!(world.ask(put).await.status, 200);
    let etag = format!("\"{CHECK_MD5}\"");
    for method in ["GET", "HEAD"] {
        let answer = world.ask(Request::new(method, "/tea/a").header("x-amz-checksum-mode", "ENABLED")).await;
        for (name, value) in [
            ("content-length", "9"),
            ("content-type", "text/plain"),
            ("cache-control", "no-store"),
            ("x-amz-meta-colour", "green"),
            ("x-amz-checksum-crc32", CHECK_CRC32),
            ("x-amz-checksum-type", "FULL_OBJECT"),
            ("x-amz-server-side-encryption", "AES256"),
            ("accept-ranges", "bytes"),
            ("etag", &etag),
        ] {
            assert_eq!(answer.value(name), Some(value), "{method} {name}");
        }
        for (range, status, shown) in [
            ("bytes=2-4", 206, Some("bytes 2-4/9")),
            ("bytes=-2", 206, Some("bytes 7-8/9")),
            ("bytes=9-", 416, Some("bytes */9")),
            ("bytes=0-1,3-4", 200, None),
        ] {
            let answer = world.ask(Request::new(method, "/tea/a").header("range", range)).await;
            assert_eq!((answer.status, answer.value("content-range")), (status, shown), "{method} {range}");
        }
        for (name, value, status) in [
            ("if-match", etag.as_str(), 200),
            ("if-match", "\"other\"", 412),
            ("if-none-match", etag.as_str(), 304),
            ("if-none-match", "*", 304),
            ("if-modified-since", "Wed, 21 Oct 2015 07:28:00 GMT", 200),
            ("if-unmodified-since", "Wed, 21 Oct 2015 07:28:00 GMT", 412),
        ] {
            let answer = world.ask(Request::new(method, "/tea/a").header(name, value)).await;
            assert_eq!(answer.status, status, "{method} {name}: {value}");
            if status == 304 {
                assert_eq!(answer.value("etag"), Some(&*etag));
            }
        }
    }
    assert_eq!(world.ask(Request::new("GET", "/tea/a").header("range", "bytes=2-4")).await.body, b"345");
    let answer = world.get("/tea/a?response-content-type=image%2Fpng&partNumber=1").await;
    assert_eq!((answer.status, answer.value("content-type")), (206, Some("image/png")));
    assert_eq!(world.get("/tea/a?partNumber=2").await.code(), (416, "InvalidPartNumber"));
    let head = world.ask(Request::new("HEAD", "/tea/none")).await;
    assert_eq!((head.status, head.body.len()), (404, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_on_writes_are_judged_by_the_engine() {
    let world = World::new().await;
    let put = |name: &str, value: &str| Request::new("PUT", "/tea/a").header(name, value).body(CHECK);
    let etag = format!("\"{CHECK_MD5}\"");
    for (request, status, code) in [
        (put("if-match", &etag), 404, "NoSuchKey"),
        (put("if-none-match", "*"), 200, ""),
        (put("if-none-match", "*"), 412, "PreconditionFailed"),
        (put("if-match", "\"other\""), 412, "PreconditionFailed"),
        (put("if-match", &etag), 200, ""),
        (Request::new("DELETE", "/tea/a").header("if-match", "\"other\""), 412, "PreconditionFailed"),
        (Request::new("DELETE", "/tea/a").header("if-match", &etag), 204, ""),
        (Request::new("DELETE", "/tea/a"), 204, ""),
    ] {
        let what = format!("{request:?}");
        assert_eq!(world.ask(request).await.code(), (status, code), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_come_in_pages_that_miss_nothing() {
    let world = World::new().await;
    let keys = ["a/1", "a/2", "b", "c/1", "d e", "e"];
    for key in keys {
        world.put(&format!("/tea/{}", key.replace(' ', "%20")), "x").await;
    }
    for (query, token, next) in [
        ("list-type=2&max-keys=2&encoding-type=url", "continuation-token", "NextContinuationToken"),
        ("max-keys=2&delimiter=%2F&encoding-type=url", "marker", "NextMarker"),
    ] {
        let (mut found, mut after, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = world.get(&format!("/tea?{query}{after}")).await;
            assert_eq!(page.status, 200, "{page:?}");
            found.extend(page.all("Key").iter().map(|key| (*key).to_owned()));
            found.extend(page.all("CommonPrefixes").iter().map(|prefix| (*prefix).to_owned()));
            pages += 1;
            if page.one("IsTruncated") == "false" {
                break;
            }
            after = format!("&{token}={}", page.one(next));
        }
        let (wanted, of_pages) = match token {
            "marker" => (vec!["<Prefix>a/</Prefix>", "b", "<Prefix>c/</Prefix>", "d%20e", "e"], 3),
            _ => (vec!["a/1", "a/2", "b", "c/1", "d%20e", "e"], 3),
        };
        found.sort_by_key(|key| key.replace("<Prefix>", ""));
        assert_eq!((found, pages), (wanted.into_iter().map(str::to_owned).collect(), of_pages));
    }
    for (query, code) in [
        ("max-keys=-1", "InvalidArgument"),
        ("max-keys=x", "InvalidArgument"),
        ("list-type=2&continuation-token=%21", "InvalidArgument"),
    ] {
        assert_eq!(world.get(&format!("/tea?{query}")).await.code(), (400, code), "{query}");
    }
    let none = world.get("/tea?list-type=2&max-keys=0").await;
    assert_eq!((none.one("IsTruncated"), none.one("KeyCount")), ("false", "0"));
    assert_eq!(world.get("/tea?list-type=2&start-after=c&prefix=c").await.all("Key"), ["c/1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_many_answers_for_each() {
    let world = World::new().await;
    for key in ["a", "b"] {
        world.put(&format!("/tea/{key}"), CHECK).await;
    }
    let ask =
        |objects: &str| world.ask(Request::new("POST", "/tea?delete").body(format!("<Delete>{objects}</Delete>")));
    let long = "k".repeat(1025);
    let answer = ask(&format!(
        "<Object><Key>a</Key></Object><Object><Key>none</Key></Object><Object><Key>{long}</Key></Object>\
         <Object><Key>b</Key><ETag>other</ETag></Object><Object><Key>b</Key><VersionId>7</VersionId></Object>"
    ))
    .await;
    assert_eq!(answer.all("Deleted"), ["<Key>a</Key>", "<Key>none</Key>"]);
    assert_eq!(answer.all("Code"), ["KeyTooLongError", "PreconditionFailed", "InvalidArgument"]);
    assert_eq!(world.get("/tea").await.all("Key"), ["b"]);
    assert_eq!(ask("<Quiet>true</Quiet><Object><Key>b</Key></Object>").await.all("Deleted"), Vec::<&str>::new());
    assert_eq!(ask("").await.code(), (400, "MalformedXML"));
    assert_eq!(ask(&"<Object><Key>a</Key></Object>".repeat(1001)).await.code(), (400, "MalformedXML"));
    let wrong = Request::new("POST", "/tea?delete").header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==");
    assert_eq!(world.ask(wrong.body("<Delete/>")).await.code(), (400, "BadDigest"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_in_parts_becomes_one_object() {
    let world = World::new().await;
    let start = Request::new("POST", "/tea/big?uploads")
        .header("x-amz-meta-a", "b")
        .header("x-amz-checksum-algorithm", "CRC32");
    let started = world.ask(start).await;
    let id = started.one("UploadId").to_owned();
    assert_eq!(started.value("x-amz-checksum-type"), Some("COMPOSITE"));
    let parts = [content(5 << 20), content(1000)];
    let mut done = String::new();
    for (number, part) in (1..).zip(&parts) {
        let target = format!("/tea/big?partNumber={number}&uploadId={id}");
        let request = Request::new("PUT", &target).body(part.clone());
        let crc = crc32(part);
        let answer = world.ask(request.header("x-amz-checksum-crc32", &crc)).await;
        assert_eq!(answer.value("x-amz-checksum-crc32"), Some(&*crc), "{answer:?}");
        let etag = answer.value("etag").unwrap();
        done.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    }
    let listed = world.get(&format!("/tea/big?uploadId={id}&max-parts=1")).await;
    assert_eq!((listed.all("PartNumber"), listed.one("IsTruncated")), (vec!["1"], "true"));
    let none = world.get(&format!("/tea/big?uploadId={id}&max-parts=0")).await;
    assert_eq!((none.all("PartNumber").len(), none.one("IsTruncated")), (0, "false"));
    assert_eq!(none.all("NextPartNumberMarker"), Vec::<&str>::new());
    let rest = world.get(&format!("/tea/big?uploadId={id}&part-number-marker=1")).await;
    assert_eq!((rest.all("PartNumber"), rest.one("IsTruncated")), (vec!["2"], "false"));
    assert_eq!(world.get("/tea?uploads").await.all("UploadId"), [id.as_str()]);

    let complete = |document: &str| {
        let document = format!("<CompleteMultipartUpload>{document}</CompleteMultipartUpload>");
        world.ask(Request::new("POST", &format!("/tea/big?uploadId={id}")).body(document))
    };
    assert_eq!(complete("").await.code(), (400, "MalformedXML"));
    assert_eq!(complete(&done.replace("<PartNumber>2<", "<PartNumber>3<")).await.code(), (400, "InvalidPart"));
    let other_kind = Request::new("POST", &format!("/tea/big?uploadId={id}"))
        .header("x-amz-checksum-type", "FULL_OBJECT")
        .body(format!("<CompleteMultipartUpload>{done}</CompleteMultipartUpload>"));
    assert_eq!(world.ask(other_kind).await.code().0, 400);
    let completed = complete(&done).await;
    assert!(completed.one("ETag").ends_with("-2\""), "{completed:?}");
    let checksum = completed.one("ChecksumCRC32").to_owned();
    assert!(checksum.ends_with("-2") && completed.one("ChecksumType") == "COMPOSITE", "{completed:?}");

    let back = world.ask(Request::new("GET", "/tea/big").header("x-amz-checksum-mode", "ENABLED")).await;
    assert!(back.whole && back.body == parts.concat());
    assert_eq!((back.value("x-amz-meta-a"), back.value("x-amz-checksum-crc32")), (Some("b"), Some(&*checksum)));
    let second = world.get("/tea/big?partNumber=2").await;
    assert_eq!((second.status, second.value("x-amz-mp-parts-count")), (206, Some("2")));
    assert_eq!(second.body, parts[1]);
    for request in [
        Request::new("GET", &format!("/tea/big?uploadId={id}")),
        Request::new("DELETE", "/tea/big?uploadId=none"),
        Request::new("PUT", &format!("/tea/big?partNumber=1&uploadId={id}")),
    ] {
        assert_eq!(world.ask(request).await.code(), (404, "NoSuchUpload"));
    }
    let number = Request::new("PUT", &format!("/tea/big?partNumber=10001&uploadId={id}"));
    assert_eq!(world.ask(number).await.code(), (400, "InvalidArgument"));
}

/// CRC32 bit by bit, apart from what the door uses.
fn crc32(bytes: &[u8]) -> String {
    use base64::Engine;
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    base64::engine::general_purpose::STANDARD.encode((!crc).to_be_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_belong_to_their_owner() {
    let world = World::new().await;
    let other = Signer::new(world.address, &world.other().await, world::REGION);
    let ask = |request: Request| {
        let request = other.header(request);
        async move { send(world.address, &request).await.code().0 }
    };
    world.put("/tea/a", "x").await;
    for (method, target, status) in [
        ("PUT", "/tea", 409),
        ("GET", "/tea", 403),
        ("HEAD", "/tea", 403),
        ("DELETE", "/tea", 403),
        ("GET", "/tea/a", 403),
        ("PUT", "/tea/a", 403),
        ("DELETE", "/tea/a", 403),
        ("POST", "/tea/a?uploads", 403),
        ("GET", "/none/a", 404),
    ] {
        assert_eq!(ask(Request::new(method, target)).await, status, "{method} {target}");
    }
    let mine = world.get("/").await;
    assert_eq!(mine.all("Name"), ["tea"]);
    let id = mine.one("ID").to_owned();
    let expected = |owner: &str| Request::new("HEAD", "/tea").header("x-amz-expected-bucket-owner", owner);
    assert_eq!(world.ask(expected(&id)).await.status, 200);
    assert_eq!(world.ask(expected("111122223333")).await.status, 403);
    assert_eq!(world.ask(Request::new("PUT", "/tea")).await.status, 200);
    assert_eq!(world.ask(Request::new("DELETE", "/tea")).await.code(), (409, "BucketNotEmpty"));
    assert_eq!(world.get("/Tea_").await.code(), (400, "InvalidBucketName"));
    assert_eq!(world.get("/tea?location").await.one("LocationConstraint"), "");
    for name in ["cup", "pot"] {
        assert_eq!(world.ask(Request::new("PUT", &format!("/{name}"))).await.status, 200);
    }
    let page = world.get("/?max-buckets=2").await;
    assert_eq!(page.all("Name"), ["cup", "pot"]);
    let rest = world.get(&format!("/?continuation-token={}", page.one("ContinuationToken"))).await;
    assert_eq!(rest.all("Name"), ["tea"]);
    assert_eq!(world.get("/?prefix=p").await.all("Name"), ["pot"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_region_has_its_own_manners() {
    let world = World::with("eu-west-3", s3::Limits::default()).await;
    let signer = Signer::new(world.address, &world.keys, "eu-west-3");
    let constraint =
        "<CreateBucketConfiguration><LocationConstraint>eu-west-3</LocationConstraint></CreateBucketConfiguration>";
    let again = signer.header(Request::new("PUT", "/tea").body(constraint));
    assert_eq!(send(world.address, &again).await.code(), (409, "BucketAlreadyOwnedByYou"));
    let location = send(world.address, &signer.header(Request::new("GET", "/tea?location"))).await;
    assert!(location.text().contains(">eu-west-3</LocationConstraint>"), "{}", location.text());
    let wrong = send(world.address, &world.signer().header(Request::new("GET", "/tea"))).await;
    assert_eq!((wrong.code(), wrong.one("Region")), ((400, "AuthorizationHeaderMalformed"), "eu-west-3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_fails_on_its_way_never_looks_whole() {
    let world = World::new().await;
    let bytes = content(64 << 20);
    assert_eq!(world.put("/tea/big", bytes).await.status, 200);
    let request = world.signer().header(Request::new("GET", "/tea/big"));
    let mut stream = connect(world.address).await;
    stream.write_all(&request.head()).await.unwrap();
    let mut first = [0; 1000];
    stream.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    world.set_sites(State::Gone);
    let mut received: usize = first.len();
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        received += read;
    }
    assert!(received < 64 << 20, "the whole object came, with no site there");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sites_are_asked_is_asked_for_the_request_that_the_client_is_told() {
    let world = World::new().await;
    let id = |answer: &Answer| answer.value("x-amz-request-id").map(str::to_owned);
    // Longer than what is read ahead, so that reads are begun while the answer is being sent.
    let put = world.put("/tea/big", content(9 << 20)).await;
    assert_eq!(put.status, 200);
    // Each piece has a task of its own, within one that ships its segment.
    let puts = std::mem::take(&mut *world.heard.lock().unwrap()).puts;
    assert_eq!(puts.into_keys().collect::<Vec<_>>(), [id(&put)]);
    let tried_beside = async || world.engine.status(&SystemPermit::for_background_work()).await.unwrap().hedged_reads;
    let whole = Request::new("GET", "/tea/big");
    for request in [whole.clone(), whole.header("range", "bytes=5-9")] {
        let before = tried_beside().await;
        let got = world.ask(request).await;
        assert!(matches!(got.status, 200 | 206) && got.whole, "{:?}", got.status);
        let mut gets = std::mem::take(&mut *world.heard.lock().unwrap()).gets;
        // A site that is passed over may have been tried beside, for nobody.
        let for_nobody = gets.remove(&None).unwrap_or_default();
        assert!(for_nobody <= tried_beside().await - before, "{for_nobody} reads were for nobody, beside {gets:?}");
        assert_eq!(gets.into_keys().collect::<Vec<_>>(), [id(&got)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_cannot_be_read_is_answered_as_unavailable() {
    let world = World::new().await;
    for (key, length) in [("none", 0), ("small", 1000), ("big", 3 << 20)] {
        assert_eq!(world.put(&format!("/tea/{key}"), content(length)).await.status, 200);
    }
    world.set_sites(State::Gone);
    for request in [
        Request::new("GET", "/tea/small"),
        Request::new("GET", "/tea/big"),
        Request::new("GET", "/tea/big").header("range", "bytes=5-9"),
    ] {
        let answer = world.ask(request).await;
        assert_eq!(answer.code(), (503, "ServiceUnavailable"), "{answer:?}");
        assert_eq!(answer.value("content-range"), None);
    }
    let none = world.get("/tea/none").await;
    assert_eq!((none.status, none.whole, none.body.len()), (200, true, 0), "nothing needs no site");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_survives_the_way_through_documents() {
    let world = World::new().await;
    for key in ["a\rb", "tea \u{1f375}"] {
        assert_eq!(world.put(&format!("/tea/{}", encode(key)), "x").await.status, 200);
    }
    assert_eq!(world.get("/tea").await.all("Key"), ["a&#13;b", "tea \u{1f375}"]);
    let delete = |key: &str| {
        let document = format!("<Delete><Object><Key>{key}</Key></Object></Delete>");
        world.ask(Request::new("POST", "/tea?delete").body(document))
    };
    assert_eq!(delete("a<![CDATA[\r]]>b").await.code(), (400, "MalformedXML"));
    assert_eq!(delete("a&#13;b").await.all("Deleted"), ["<Key>a&#13;b</Key>"]);
    assert_eq!(delete("tea &#x1F375;").await.status, 200);
    assert_eq!(world.get("/tea").await.all("Key"), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn under_the_floor_a_write_is_refused_with_its_reason() {
    let world = World::new().await;
    let engine = world.engine.clone();
    let background = tokio::spawn(async move { engine.run_background(std::future::pending()).await });
    world.set_sites(State::Gone);
    let known = async || {
        let status = world.engine.status(&SystemPermit::for_background_work()).await.unwrap();
        status.sites.iter().all(|site| site.writes == SideHealth::Out)
    };
    assert!(soon(known).await, "nobody noticed");
    let answer = world.put("/tea/a", "x").await;
    assert_eq!(answer.code(), (503, "ServiceUnavailable"));
    assert!(answer.one("Message").len() > "Please try again later: ".len(), "{answer:?}");
    background.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_say_when_an_object_changed() {
    let world = World::new().await;
    world.put("/tea/a", "x").await;
    let listed = world.get("/tea").await.one("LastModified").to_owned();
    assert!(listed.len() == 24 && listed.ends_with('Z') && listed.contains('T'), "{listed}");
    let header = world.get("/tea/a").await.value("last-modified").unwrap().to_owned();
    assert!(header.len() == 29 && header.ends_with(" GMT"), "{header}");
    // The same moment in both.
    assert_eq!(header[17..25], listed[11..19]);
    assert!(listed.ends_with(".000Z"), "{listed}");
}
