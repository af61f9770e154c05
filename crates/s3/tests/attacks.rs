//! Attacks that were published against other gateways, one test each, named by what is done; behind it
//! stands where it was published. What can be refused without the engine does not reach it, the rest gets
//! nothing of another's, and what was stored stays as it was.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may stop"
)]

mod world;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use world::World;
use world::sign::{CHUNKED, Signer, UNSIGNED_TRAILER, encode};
use world::wire::{Request, send};

/// What the attacker wants to be stored.
const LOOT: &[u8] = b"123456789";
const LOOT_CRC32: &str = "y/Q5Jg==";

/// Sends an attack at a world with one object in one bucket; gives status and error code.
async fn sent(world: &World, attack: &Request) -> (u16, String) {
    assert_eq!(world.put("/tea/kept", "kept").await.status, 200);
    let before = world.engine.calls();
    let answer = send(world.address, attack).await;
    assert_eq!(world.engine.calls(), before, "it reached the engine: {answer:?}");
    assert_eq!(world.get("/").await.all("Name"), ["tea"]);
    assert_eq!(world.get("/tea").await.all("Key"), ["kept"]);
    assert_eq!(world.get("/tea/kept").await.text(), "kept");
    (answer.status, answer.one("Code").to_owned())
}

/// One test for each row: the attack, and how it is answered.
macro_rules! attacks {
    ($($(#[$doc:meta])* $name:ident: $attack:expr => $status:literal $code:literal;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let world = World::new().await;
            let attack: fn(&World) -> Request = $attack;
            assert_eq!(sent(&world, &attack(&world)).await, ($status, $code.to_owned()));
        }
    )+};
}

fn put() -> Request {
    Request::new("PUT", "/tea/new").body(LOOT)
}

fn get(target: &str) -> Request {
    Request::new("GET", target)
}

/// The owner's request.
fn signed(world: &World, request: Request) -> Request {
    world.signer().header(request)
}

/// The owner's presigned request, with a header that somebody added.
fn with_unsigned(world: &World, name: &str, value: &str) -> Request {
    world.signer().presigned(put(), 60).header(name, value)
}

/// A request with a header as it stands, which nobody signed.
fn bare(request: Request, headers: &[(&str, &str)]) -> Request {
    let host = request.header("host", "localhost");
    headers.iter().fold(host, |request, (name, value)| request.header(name, value))
}

/// Signed by somebody who knows the access key alone.
fn forged(world: &World) -> Signer {
    Signer::new(world.address, &(world.keys.0.clone(), "not the secret".to_owned()), world::REGION)
}

/// A signed header with something else in the place of a part of its credentials.
fn with_scope(world: &World, from: &str, to: &str) -> Request {
    let mut request = signed(world, put());
    let value = &mut request.headers.last_mut().unwrap().1;
    assert!(value.contains(from), "{value}");
    *value = value.replacen(from, to, 1);
    request
}

/// A presigned target with something else in the place of a part.
fn with_query(world: &World, from: &str, to: &str) -> Request {
    let mut request = world.signer().presigned(put(), 60);
    assert!(request.target.contains(from), "{}", request.target);
    request.target = request.target.replacen(from, to, 1);
    request
}

/// A presigned request that its owner signed with these parameters.
fn presigned_for(world: &World, stamp: &str, expires: &str) -> Request {
    let mut signer = world.signer();
    stamp.clone_into(&mut signer.stamp);
    let mut request = signer.presigned(put(), 60);
    request.target = request.target.replace("X-Amz-Expires=60", &format!("X-Amz-Expires={expires}"));
    request
}

fn document(world: &World, method: &str, target: &str, document: &str) -> Request {
    signed(world, Request::new(method, target).body(document))
}

fn copy(world: &World, source: &str) -> Request {
    signed(world, Request::new("PUT", "/tea/new").header("x-amz-copy-source", source))
}

/// A form with a policy that its owner signed; `fields` come behind those of the signature.
fn form(world: &World, expiration: &str, conditions: &str, fields: &[(&str, &str)]) -> Request {
    let signer = world.signer();
    let credential = format!("{}/{}", signer.access, signer.scope());
    let own = format!(
        r#"{{"x-amz-algorithm":"AWS4-HMAC-SHA256"}},{{"x-amz-credential":"{credential}"}},{{"x-amz-date":"{}"}}"#,
        signer.stamp
    );
    let policy = STANDARD.encode(format!(r#"{{"expiration":"{expiration}","conditions":[{own},{conditions}]}}"#));
    let signature = signer.sign_text(&policy);
    let proof = [
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", credential.as_str()),
        ("x-amz-date", signer.stamp.as_str()),
        ("policy", policy.as_str()),
        ("x-amz-signature", signature.as_str()),
    ];
    let mut body = String::new();
    for (name, value) in proof.iter().chain(fields) {
        body.push_str(&format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    body.push_str("--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nloot\r\n--b--\r\n");
    bare(Request::new("POST", "/tea").body(body), &[("content-type", "multipart/form-data; boundary=b")])
}

const LATER: &str = "2099-01-01T00:00:00Z";
/// What a policy for one key of one bucket says.
const ONE_KEY: &str = r#"{"bucket":"tea"},{"key":"new"}"#;

const BOMB: &str = r#"<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><Delete><Object><Key>&c;</Key></Object></Delete>"#;
const OUTSIDE: &str =
    r#"<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&e;</Key></Object></Delete>"#;
const OUTSIDE_BUCKET: &str = r#"<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><CreateBucketConfiguration><LocationConstraint>&e;</LocationConstraint></CreateBucketConfiguration>"#;

// Who says so.
attacks! {
    // MinIO, CVE-2025-31489.
    unsigned_trailer_with_a_wrong_signature: |w|
        forged(w).unsigned_chunks(put(), 4, ("x-amz-checksum-crc32", LOOT_CRC32)) => 403 "SignatureDoesNotMatch";
    // MinIO, CVE-2026-41145.
    unsigned_trailer_with_a_credential_in_the_query_alone: |w| {
        let credential = encode(&format!("{}/{}", w.keys.0, w.signer().scope()));
        let request = Request::new("PUT", &format!("/tea/new?X-Amz-Credential={credential}")).body(LOOT);
        let form = [("x-amz-content-sha256", UNSIGNED_TRAILER), ("x-amz-decoded-content-length", "9")];
        bare(request, &form)
    } => 400 "AuthorizationQueryParametersError";
    // MinIO, CVE-2026-40344.
    an_archive_to_be_unpacked_with_a_made_up_signature: |w|
        forged(w).unsigned_chunks(put().header("x-amz-meta-snowball-auto-extract", "true"), 4, ("x-amz-checksum-crc32", LOOT_CRC32))
        => 403 "SignatureDoesNotMatch";
    // SeaweedFS, issue 2180: chunks were taken for their own proof.
    signed_chunks_without_credentials: |_|
        bare(put(), &[("x-amz-content-sha256", CHUNKED), ("x-amz-decoded-content-length", "9")]) => 501 "NotImplemented";
    // MinIO, CVE-2026-41145: the well-known default.
    default_credentials: |w|
        Signer::new(w.address, &("minioadmin".into(), "minioadmin".into()), world::REGION).header(put()) => 403 "InvalidAccessKeyId";
    // RustFS, CVE-2025-68926: a token that was the same everywhere.
    a_token_that_is_the_same_everywhere: |_| bare(put(), &[("authorization", "rustfs rpc")]) => 400 "InvalidRequest";
    empty_secret: |w|
        Signer::new(w.address, &(w.keys.0.clone(), String::new()), world::REGION).header(put()) => 403 "SignatureDoesNotMatch";
    an_empty_signature: |w| {
        let mut request = w.signer().presigned(put(), 60);
        let end = request.target.find("X-Amz-Signature=").unwrap() + "X-Amz-Signature=".len();
        request.target.truncate(end);
        request
    } => 403 "SignatureDoesNotMatch";
    // Ceph, CVE-2024-48916: `alg` none.
    algorithm_none_in_the_header: |w| with_scope(w, "AWS4-HMAC-SHA256", "none") => 400 "InvalidRequest";
    algorithm_none_in_the_query: |w|
        with_query(w, "X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=none") => 400 "AuthorizationQueryParametersError";
    // s3s 0.14: tried before the newer one. MinIO, issue 5411.
    signature_version_2_in_the_header: |w|
        bare(put(), &[("authorization", &format!("AWS {}:c2lnbmF0dXJl", w.keys.0))]) => 400 "InvalidRequest";
    signature_version_2_in_the_query: |w|
        bare(Request::new("PUT", &format!("/tea/new?AWSAccessKeyId={}&Expires=4102444800&Signature=c2ln", w.keys.0)), &[])
        => 400 "InvalidRequest";
    credentials_in_two_places: |w| w.signer().header(w.signer().presigned(Request { headers: Vec::new(), ..put() }, 60)) => 400 "InvalidArgument";
    two_authorization_headers: |w| {
        let request = signed(w, put());
        let twice = request.headers.last().unwrap().1.clone();
        request.header("authorization", &twice)
    } => 400 "InvalidArgument";
    // What other services of the vendor accept (CVE-2021-21362 began with such a token).
    a_session_token: |w| signed(w, put().header("x-amz-security-token", "token")) => 400 "InvalidToken";
    scope_of_another_region: |w| with_scope(w, "us-east-1", "eu-west-3") => 400 "AuthorizationHeaderMalformed";
    scope_of_another_service: |w| with_scope(w, "/s3/", "/ec2/") => 400 "AuthorizationHeaderMalformed";
    scope_of_another_day: |w| {
        let day = w.signer().stamp[..8].to_owned();
        with_scope(w, &format!("/{day}/"), "/20200101/")
    } => 400 "AuthorizationHeaderMalformed";
    scope_that_ends_otherwise: |w| with_scope(w, "aws4_request", "aws5_request") => 400 "AuthorizationHeaderMalformed";
    signed_for_another_host: |w| {
        let mut request = signed(w, put());
        request.headers.iter_mut().find(|(name, _)| name == "host").unwrap().1 = "elsewhere.example".into();
        request
    } => 403 "SignatureDoesNotMatch";
    a_host_that_was_not_signed: |w| with_scope(w, "SignedHeaders=host;", "SignedHeaders=") => 403 "AccessDenied";
    a_presigned_put_made_a_copy: |w| with_unsigned(w, "x-amz-copy-source", "/tea/kept") => 403 "AccessDenied";
    a_presigned_put_made_public: |w| with_unsigned(w, "x-amz-acl", "public-read-write") => 403 "AccessDenied";
    a_presigned_put_given_a_grant: |w| with_unsigned(w, "x-amz-grant-full-control", "id=\"1\"") => 403 "AccessDenied";
    a_presigned_put_given_tags: |w| with_unsigned(w, "x-amz-tagging", "a=b") => 403 "AccessDenied";
    a_presigned_put_given_a_redirect: |w| with_unsigned(w, "x-amz-website-redirect-location", "/x") => 403 "AccessDenied";
    a_presigned_put_made_a_part: |w| with_query(w, "?X-Amz", "?partNumber=1&uploadId=00&X-Amz") => 403 "SignatureDoesNotMatch";
    a_presigned_put_made_an_acl: |w| with_query(w, "?X-Amz", "?acl&X-Amz") => 403 "SignatureDoesNotMatch";
    a_presigned_put_made_a_deletion: |w| {
        let put = w.signer().presigned(Request::new("PUT", "/tea/kept"), 60);
        Request { method: "DELETE".into(), ..put }
    } => 403 "SignatureDoesNotMatch";
    // MinIO, CVE-2023-25812: a retention in governance mode is bypassed by those who may.
    a_deletion_given_a_bypass: |w| {
        let deletion = w.signer().presigned(Request::new("DELETE", "/tea/kept"), 60);
        deletion.header("x-amz-bypass-governance-retention", "true")
    } => 403 "AccessDenied";
    presigned_for_8_days: |w| presigned_for(w, &w.signer().stamp, "691200") => 400 "AuthorizationQueryParametersError";
    presigned_for_less_than_nothing: |w| presigned_for(w, &w.signer().stamp, "-1") => 400 "AuthorizationQueryParametersError";
    presigned_for_longer_than_numbers_go: |w|
        presigned_for(w, &w.signer().stamp, "99999999999999999999") => 400 "AuthorizationQueryParametersError";
    presigned_in_the_future: |w| presigned_for(w, "20990101T000000Z", "60") => 403 "AccessDenied";
    presigned_long_ago: |w| presigned_for(w, "20200101T000000Z", "604800") => 403 "AccessDenied";
    a_longer_life_than_was_signed: |w| presigned_for(w, &w.signer().stamp, "3600") => 403 "SignatureDoesNotMatch";
    // MinIO, CVE-2024-36107: conditions were judged for everybody.
    nobody_asks_whether_it_changed: |_|
        bare(get("/tea/kept"), &[("if-modified-since", "Wed, 21 Oct 2015 07:28:00 GMT")]) => 403 "AccessDenied";
    // Ceph, CVE-2016-7031.
    nobody_lists: |_| bare(get("/tea"), &[]) => 403 "AccessDenied";
    nobody_lists_buckets: |_| bare(get("/"), &[]) => 403 "AccessDenied";
    nobody_writes: |_| bare(put(), &[]) => 403 "AccessDenied";
    nobody_deletes: |_| bare(Request::new("DELETE", "/tea/kept"), &[]) => 403 "AccessDenied";
    nobody_makes_a_bucket: |_| bare(Request::new("PUT", "/new"), &[]) => 403 "AccessDenied";
    nobody_begins_an_upload: |_| bare(Request::new("POST", "/tea/new?uploads"), &[]) => 403 "AccessDenied";
}

// What is asked for.
attacks! {
    // MinIO, CVE-2023-28432.
    the_cluster_tells_its_secrets: |_| bare(Request::new("POST", "/minio/bootstrap/v1/verify"), &[]) => 501 "NotImplemented";
    // MinIO, CVE-2020-11012.
    an_administrators_address: |w| signed(w, get("/minio/admin/v3/info")) => 404 "NoSuchBucket";
    our_own_administrators_address: |w| signed(w, get("/api/v1/keys")) => 404 "NoSuchBucket";
    the_metrics: |_| bare(get("/metrics"), &[]) => 404 "NoSuchBucket";
    // MinIO, CVE-2024-55949, CVE-2025-62506: keys and policies made through the same door.
    a_key_of_ones_own_making: |w|
        document(w, "PUT", "/minio/admin/v3/add-service-account", "{}") => 404 "NoSuchBucket";
    // SeaweedFS and others answer it at the root.
    a_role_to_assume: |w|
        document(w, "POST", "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15", "x") => 405 "MethodNotAllowed";
    // s3s 0.14 deletes the bucket.
    a_sub_resource_nobody_knows: |w| signed(w, Request::new("DELETE", "/tea?metadataConfiguration")) => 501 "NotImplemented";
    a_policy_for_everyone: |w| document(w, "PUT", "/tea?policy", r#"{"Statement":[{"Effect":"Allow","Principal":"*"}]}"#) => 501 "NotImplemented";
    copies_sent_elsewhere: |w| document(w, "PUT", "/tea?replication", "<ReplicationConfiguration/>") => 501 "NotImplemented";
    // SSRF by an address that is called back: none is taken. MinIO, CVE-2021-21287; SeaweedFS, GHSA-87fv-vqqr-m4jr.
    an_address_to_be_told: |w|
        document(w, "PUT", "/tea?notification", "<NotificationConfiguration><Queue>http://169.254.169.254/</Queue></NotificationConfiguration>")
        => 501 "NotImplemented";
    a_source_on_the_web: |w| copy(w, "http://169.254.169.254/latest/meta-data") => 400 "InvalidArgument";
    a_key_named_twice_by_its_query: |w| signed(w, get("/tea?prefix=a&Prefix=b")) => 400 "InvalidArgument";
    a_rename: |w| signed(w, Request::new("PUT", "/tea/new?renameObject").header("x-amz-rename-source", "/tea/kept")) => 501 "NotImplemented";
    bytes_appended: |w| signed(w, put().header("x-amz-write-offset-bytes", "4")) => 501 "NotImplemented";
    a_question_in_sql: |w| document(w, "POST", "/tea/kept?select&select-type=2", "<x/>") => 501 "NotImplemented";
}

// Names.
attacks! {
    // SeaweedFS, CVE-2026-54917; s3proxy, CVE-2025-24961.
    a_bucket_that_climbs: |w| signed(w, get("/../etc/passwd")) => 400 "InvalidBucketName";
    a_bucket_that_climbs_encoded: |w| signed(w, get("/%2e%2e/%2e%2e/etc/passwd")) => 400 "InvalidBucketName";
    a_bucket_that_climbs_encoded_twice: |w| signed(w, get("/%252e%252e/kept")) => 400 "InvalidBucketName";
    a_bucket_of_dots: |w| signed(w, Request::new("PUT", "/..")) => 400 "InvalidBucketName";
    // Ceph, CVE-2021-3531.
    nothing_between_two_slashes: |w| signed(w, get("//kept")) => 400 "InvalidBucketName";
    // Ceph, CVE-2015-5245.
    a_bucket_with_a_line_feed: |w| signed(w, Request::new("PUT", "/tea%0d%0aset-cookie:%20a")) => 400 "InvalidBucketName";
    a_nul_in_a_key: |_| bare(get("/tea/kept%00.txt"), &[]) => 400 "InvalidURI";
    a_dot_written_too_long: |_| bare(get("/tea/%c0%ae%c0%ae/kept"), &[]) => 400 "InvalidURI";
    half_an_escape: |_| bare(get("/tea/kept%2"), &[]) => 400 "InvalidURI";
    // Ceph, CVE-2024-47866.
    an_empty_source: |w| copy(w, "") => 400 "InvalidArgument";
    a_source_that_climbs_out_of_every_bucket: |w| copy(w, "/../kept") => 400 "InvalidArgument";
    a_source_without_a_key: |w| copy(w, "/tea") => 400 "InvalidArgument";
    a_key_that_is_too_long: |w| signed(w, get(&format!("/tea/{}", "k".repeat(1025)))) => 400 "KeyTooLongError";
}

// Heads that are read in two ways.
attacks! {
    length_and_chunked: |w| signed(w, put()).header("content-length", "9").header("transfer-encoding", "chunked") => 400 "InvalidRequest";
    two_lengths: |w| signed(w, put()).header("content-length", "9").header("content-length", "1") => 400 "";
    // hyper, CVE-2021-32715.
    a_length_with_a_sign: |w| signed(w, put()).header("content-length", "+9") => 400 "";
    a_length_below_nothing: |w| signed(w, put()).header("content-length", "-1") => 400 "";
    a_length_beyond_numbers: |w| signed(w, put()).header("content-length", "18446744073709551616") => 400 "";
    a_folded_header: |w| signed(w, put()).header("x-amz-meta-a", "b\r\n c") => 400 "";
    // Ceph, CVE-2018-7262.
    a_header_without_a_name: |w| signed(w, put()).header("", "a") => 400 "";
    a_blank_before_the_colon: |w| signed(w, put()).header("x-amz-acl ", "public-read") => 400 "";
    chunked_in_disguise: |w| signed(w, put()).header("transfer-encoding", "xchunked") => 400 "";
    a_target_with_a_host: |w| {
        let request = signed(w, get("/tea/kept"));
        Request { target: "http://elsewhere.example/tea/kept".into(), ..request }
    } => 400 "InvalidURI";
    a_second_host: |w| signed(w, get("/tea/kept")).header("host", "elsewhere.example") => 400 "InvalidArgument";
    a_second_date: |w| signed(w, put()).header("x-amz-date", "20200101T000000Z") => 400 "InvalidArgument";
    a_second_hash_of_the_payload: |w| signed(w, put()).header("x-amz-content-sha256", "UNSIGNED-PAYLOAD") => 400 "InvalidArgument";
    a_tunnel: |_| Request { target: "127.0.0.1:22".into(), ..bare(Request::new("CONNECT", "/"), &[]) } => 400 "InvalidURI";
    the_next_protocol: |_| bare(Request::new("PRI", "*"), &[]) => 400 "InvalidURI";
    headers_by_the_thousand: |w| (0..200).fold(signed(w, get("/tea")), |request, n| request.header(&format!("a{n}"), "b")) => 431 "";
    // CRLF out of a query that stands for a header.
    a_header_out_of_a_query: |w| {
        let target = "/tea/new?X-Amz-Meta-A=b%0D%0Aset-cookie%3A%20a";
        w.signer().presigned(Request::new("PUT", target).body(LOOT), 60)
    } => 400 "InvalidArgument";
}

// Documents and numbers.
attacks! {
    entities_within_entities: |w| document(w, "POST", "/tea?delete", BOMB) => 400 "MalformedXML";
    // OpenStack Swift, CVE-2022-47950.
    an_entity_from_outside: |w| document(w, "POST", "/tea?delete", OUTSIDE) => 400 "MalformedXML";
    // LocalS3, CVE-2025-27136.
    an_entity_from_outside_in_a_new_bucket: |w| document(w, "PUT", "/new", OUTSIDE_BUCKET) => 400 "MalformedXML";
    elements_without_end: |w|
        document(w, "POST", "/tea?delete", &format!("<Delete>{}{}</Delete>", "<a>".repeat(5000), "</a>".repeat(5000))) => 400 "MalformedXML";
    // Ceph, CVE-2020-12059.
    tags_that_are_none: |w| document(w, "PUT", "/tea?tagging", "") => 400 "MalformedXML";
    a_thousand_and_one_deletions: |w|
        document(w, "POST", "/tea?delete", &format!("<Delete>{}</Delete>", "<Object><Key>kept</Key></Object>".repeat(1001))) => 400 "MalformedXML";
    // Ceph, CVE-2020-10753, CVE-2021-3524: told to every browser.
    a_line_feed_in_an_exposed_header: |w|
        document(w, "PUT", "/tea?cors", "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
            <ExposeHeader>a&#13;&#10;set-cookie: b</ExposeHeader></CORSRule></CORSConfiguration>") => 400 "MalformedXML";
    part_0: |w| signed(w, Request::new("PUT", "/tea/new?partNumber=0&uploadId=00").body(LOOT)) => 400 "InvalidArgument";
    part_10001: |w| signed(w, Request::new("PUT", "/tea/new?partNumber=10001&uploadId=00").body(LOOT)) => 400 "InvalidArgument";
    a_part_that_wraps_around: |w| signed(w, Request::new("PUT", "/tea/new?partNumber=65537&uploadId=00").body(LOOT)) => 400 "InvalidArgument";
    a_part_beyond_numbers: |w| signed(w, Request::new("PUT", "/tea/new?partNumber=4294967297&uploadId=00").body(LOOT)) => 400 "InvalidArgument";
    more_keys_than_numbers: |w| signed(w, get("/tea?max-keys=99999999999999999999")) => 400 "InvalidArgument";
    fewer_keys_than_none: |w| signed(w, get("/tea?max-keys=-1")) => 400 "InvalidArgument";
    a_decoded_length_beyond_numbers: |w| {
        let request = put().header("x-amz-content-sha256", CHUNKED).header("x-amz-decoded-content-length", "18446744073709551616");
        signed(w, request)
    } => 400 "InvalidArgument";
    a_decoded_length_below_nothing: |w| {
        let request = put().header("x-amz-content-sha256", CHUNKED).header("x-amz-decoded-content-length", "-9");
        signed(w, request)
    } => 400 "InvalidArgument";
    a_body_of_six_tebibytes: |w| {
        let request = put().header("x-amz-content-sha256", CHUNKED).header("x-amz-decoded-content-length", "6597069766656");
        signed(w, request)
    } => 400 "EntityTooLarge";
    a_version_that_is_none: |w| signed(w, get("/tea/kept?versionId=..%2F..%2Fkept")) => 400 "InvalidArgument";
}

// Forms.
attacks! {
    // Ceph, CVE-2023-43040; MinIO, CVE-2023-28434.
    a_form_that_names_another_bucket: |w|
        form(w, LATER, r#"{"bucket":"other"},{"key":"new"}"#, &[("key", "new"), ("bucket", "other")]) => 403 "AccessDenied";
    a_form_for_any_bucket: |w| form(w, LATER, r#"{"key":"new"}"#, &[("key", "new")]) => 403 "AccessDenied";
    // RustFS: conditions of a form that were not looked at.
    a_form_with_another_key: |w| form(w, LATER, ONE_KEY, &[("key", "kept")]) => 403 "AccessDenied";
    a_form_with_another_beginning: |w|
        form(w, LATER, r#"{"bucket":"tea"},["starts-with","$key","mine/"]"#, &[("key", "kept")]) => 403 "AccessDenied";
    a_form_that_adds_a_list: |w| form(w, LATER, ONE_KEY, &[("key", "new"), ("acl", "public-read")]) => 403 "AccessDenied";
    a_form_that_adds_metadata: |w| form(w, LATER, ONE_KEY, &[("key", "new"), ("x-amz-meta-a", "b")]) => 403 "AccessDenied";
    a_form_that_is_over: |w| form(w, "2020-01-01T00:00:00Z", ONE_KEY, &[("key", "new")]) => 403 "AccessDenied";
    a_form_that_names_its_key_twice: |w| form(w, LATER, ONE_KEY, &[("key", "new"), ("key", "kept")]) => 400 "MalformedPOSTRequest";
    a_form_with_a_header_in_a_field: |w|
        form(w, LATER, r#"{"bucket":"tea"},{"key":"new"},["starts-with","$x-amz-meta-a",""]"#, &[("key", "new"), ("x-amz-meta-a", "b\r\nc: d")])
        => 400 "InvalidArgument";
    a_form_with_a_changed_policy: |w| {
        let mut request = form(w, LATER, ONE_KEY, &[("key", "new")]);
        let body = String::from_utf8(request.body).unwrap();
        let policy = STANDARD.encode(format!(r#"{{"expiration":"{LATER}","conditions":[["starts-with","$key",""]]}}"#));
        let start = body.find("name=\"policy\"\r\n\r\n").unwrap() + "name=\"policy\"\r\n\r\n".len();
        let end = start + body[start..].find("\r\n").unwrap();
        request.body = format!("{}{policy}{}", &body[..start], &body[end..]).into_bytes();
        request
    } => 403 "SignatureDoesNotMatch";
    // Ceph, CVE-2016-8626, CVE-2017-16818.
    a_form_that_is_none: |_|
        bare(Request::new("POST", "/tea").body("--b"), &[("content-type", "multipart/form-data; boundary=b")]) => 400 "MalformedPOSTRequest";
}

/// Two people with a bucket each, and an object called `kept` in both.
async fn neighbours() -> (World, Signer) {
    let world = World::new().await;
    let mallory = Signer::new(world.address, &world.other().await, world::REGION);
    for request in [Request::new("PUT", "/mine"), Request::new("PUT", "/mine/kept").body("mine")] {
        assert_eq!(send(world.address, &mallory.header(request)).await.status, 200);
    }
    assert_eq!(world.put("/tea/kept", "kept").await.status, 200);
    (world, mallory)
}

/// What a neighbour tries comes to nothing of the other's.
async fn neighbour(attack: Request, status: u16, code: &str) {
    let (world, mallory) = neighbours().await;
    let answer = send(world.address, &mallory.header(attack)).await;
    assert_eq!(answer.code(), (status, code), "{answer:?}");
    assert!(!answer.text().contains(">kept<") && answer.body != b"kept", "{answer:?}");
    assert_eq!(world.get("/tea").await.all("Key"), ["kept"]);
    assert_eq!(world.get("/tea/kept").await.text(), "kept");
}

macro_rules! neighbours {
    ($($name:ident: $attack:expr => $status:literal $code:literal;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            neighbour($attack, $status, $code).await;
        }
    )+};
}

// What needs the engine to be told: is it there, and whose is it?
neighbours! {
    // SeaweedFS, CVE-2026-54917.
    a_key_that_climbs_into_anothers_bucket: get("/mine/../tea/kept") => 404 "NoSuchKey";
    // oxyno-zeta/s3-proxy, CVE-2026-42882.
    a_key_that_climbs_encoded: get("/mine%2F..%2Ftea/kept") => 404 "NoSuchKey";
    // SeaweedFS, CVE-2026-55874.
    a_source_that_climbs: Request::new("PUT", "/mine/new").header("x-amz-copy-source", "/mine/../tea/kept") => 404 "NoSuchKey";
    a_source_that_climbs_encoded: Request::new("PUT", "/mine/new").header("x-amz-copy-source", "mine/..%2Ftea%2Fkept") => 404 "NoSuchKey";
    // MinIO, CVE-2021-21362: a source that was not asked about.
    a_source_of_another: Request::new("PUT", "/mine/new").header("x-amz-copy-source", "/tea/kept") => 403 "AccessDenied";
    a_part_copied_from_another: Request::new("PUT", "/mine/new?partNumber=1&uploadId=00000000000000000000000000000000")
        .header("x-amz-copy-source", "/tea/kept") => 403 "AccessDenied";
    a_listing_of_another: get("/tea?prefix=kept&delimiter=/") => 403 "AccessDenied";
    versions_of_another: get("/tea?versions") => 403 "AccessDenied";
    uploads_of_another: get("/tea?uploads") => 403 "AccessDenied";
    lists_of_another: get("/tea?acl") => 403 "AccessDenied";
    versions_for_anothers_bucket: Request::new("PUT", "/tea?versioning")
        .body("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>") => 403 "AccessDenied";
    an_object_in_anothers_bucket: Request::new("PUT", "/tea/new").body("loot") => 403 "AccessDenied";
    a_deletion_of_anothers: Request::new("DELETE", "/tea/kept") => 403 "AccessDenied";
    many_deletions_of_anothers: Request::new("POST", "/tea?delete").body("<Delete><Object><Key>kept</Key></Object></Delete>") => 403 "AccessDenied";
}

/// A marker that leads into another's names: listings never leave their bucket.
#[tokio::test(flavor = "multi_thread")]
async fn a_listing_stays_in_its_bucket() {
    let (world, mallory) = neighbours().await;
    for query in
        ["prefix=../tea/", "marker=../", "prefix=..%2F&delimiter=%2F", "list-type=2&start-after=%2Ftea%2F&prefix=k"]
    {
        let answer = send(world.address, &mallory.header(get(&format!("/mine?{query}")))).await;
        assert_eq!(answer.status, 200);
        assert!(answer.all("Key").iter().all(|key| *key == "kept") && answer.all("Prefix").len() <= 1, "{answer:?}");
    }
}

/// Ids are of one bucket: those of another's upload and version open nothing in one's own.
#[tokio::test(flavor = "multi_thread")]
async fn ids_of_anothers_bucket_open_nothing() {
    let (world, mallory) = neighbours().await;
    let versioned = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(world.ask(Request::new("PUT", "/tea?versioning").body(versioned)).await.status, 200);
    let version = world.put("/tea/kept", "kept").await.value("x-amz-version-id").unwrap().to_owned();
    let upload = world.ask(Request::new("POST", "/tea/kept?uploads")).await.one("UploadId").to_owned();
    for (request, code) in [
        (get(&format!("/mine/kept?versionId={version}")), "NoSuchVersion"),
        (Request::new("PUT", &format!("/mine/kept?partNumber=1&uploadId={upload}")).body("loot"), "NoSuchUpload"),
        (get(&format!("/mine/kept?uploadId={upload}")), "NoSuchUpload"),
        (Request::new("PUT", &format!("/tea/kept?partNumber=1&uploadId={upload}")).body("loot"), "AccessDenied"),
        (Request::new("DELETE", &format!("/tea/kept?uploadId={upload}")), "AccessDenied"),
    ] {
        let what = format!("{request:?}");
        assert_eq!(send(world.address, &mallory.header(request)).await.code().1, code, "{what}");
    }
    assert_eq!(world.get("/tea?uploads").await.all("UploadId"), [upload]);
}

/// RustFS, CVE-2026-21862: an address that the client says it has.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_a_header_is_no_address() {
    let world = World::new().await;
    let permit = policy::SystemPermit::for_background_work();
    let owner = world.engine.list_principals(&permit).await.unwrap().remove(0);
    let limits = model::KeyLimits { sources: vec!["192.0.2.0/24".parse().unwrap()], ..model::KeyLimits::default() };
    let issued = world.engine.issue_key(&permit, owner.id, model::Label::LOWEST, limits).await.unwrap();
    let signer = Signer::new(world.address, &(issued.id.0, issued.secret.to_string()), world::REGION);
    for name in ["x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip"] {
        let attack = signer.header(put().header(name, "192.0.2.7"));
        assert_eq!(sent(&world, &attack).await, (403, "AccessDenied".to_owned()));
    }
}

/// A locked version is neither deleted nor replaced, whatever is written over it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_outlives_copies_and_overwriting() {
    let world = World::new().await;
    let bucket = Request::new("PUT", "/vault").header("x-amz-bucket-object-lock-enabled", "true");
    assert_eq!(world.ask(bucket).await.status, 200);
    let locked = Request::new("PUT", "/vault/kept")
        .header("x-amz-object-lock-mode", "GOVERNANCE")
        .header("x-amz-object-lock-retain-until-date", LATER)
        .header("content-md5", &STANDARD.encode(hex::decode("25f9e794323b453885f5181f1b624d0b").unwrap()))
        .body(LOOT);
    let version = world.ask(locked).await.value("x-amz-version-id").unwrap().to_owned();
    let over = Request::new("PUT", "/vault/kept").header("x-amz-copy-source", "/vault/kept");
    let over = over.header("x-amz-metadata-directive", "REPLACE");
    assert_eq!(world.ask(over).await.status, 200);
    assert_eq!(world.put("/vault/kept", "over").await.status, 200);
    assert_eq!(world.ask(Request::new("DELETE", "/vault/kept")).await.status, 204);
    let shorter =
        "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>";
    for attack in [
        Request::new("DELETE", &format!("/vault/kept?versionId={version}")),
        Request::new("PUT", &format!("/vault/kept?retention&versionId={version}")).body(shorter),
        Request::new("DELETE", "/vault"),
    ] {
        let what = format!("{attack:?}");
        assert!([403, 409].contains(&world.ask(attack).await.status), "{what}");
    }
    assert_eq!(world.get(&format!("/vault/kept?versionId={version}")).await.body, LOOT);
}

/// Chunks sign each other: one sent again, or of another upload, is no chunk of this one.
#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_of_another_upload_is_not_taken() {
    let world = World::new().await;
    let chunks = |target: &str, body: &[u8]| world.signer().chunked(Request::new("PUT", target).body(body), 4, None);
    let (mine, other) = (chunks("/tea/new", LOOT), chunks("/tea/other", b"987654321"));
    let first = b"4;chunk-signature=\r\n1234\r\n".len() + 64;
    let replayed =
        Request { body: [&mine.body[..first], &mine.body[..first], &mine.body[2 * first..]].concat(), ..mine.clone() };
    let grafted = Request { body: [&other.body[..first], &mine.body[first..]].concat(), ..mine.clone() };
    for attack in [replayed, grafted] {
        assert_eq!(send(world.address, &attack).await.code(), (403, "SignatureDoesNotMatch"));
        assert_eq!(world.get("/tea").await.all("Key"), Vec::<&str>::new());
    }
}
