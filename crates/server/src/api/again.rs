//! What is asked twice: a document that did not change is not sent again (`ETag`), and an order that was given
//! already is answered as it was then (`Idempotency-Key`).
//!
//! A change says what it changes and leaves the rest alone, so that none undoes another's: there is no `If-Match` for it,
//! and who sends one is told so, and not left to believe that it was heeded.
//!
//! Answers are remembered in memory for a day, by the key that signed and the key it gave; a restart forgets
//! them. A secret that was issued so is told again to nobody else than who got it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderName, Method, StatusCode};

use super::guard::Caller;
use super::problem::{Problem, bad};
use super::{Admin, BODY_BYTES_MAX};

/// How long an answer is remembered.
const KEPT_MS: u64 = 24 * 3600 * 1000;
/// Of one caller, and of all: the oldest go first.
const KEPT_OF_ONE_MAX: usize = 200;
const KEPT_MAX: usize = 4000;
/// An answer to an order is a small document.
const ANSWER_BYTES_MAX: usize = 64 << 10;
const KEY_BYTES_MAX: usize = 255;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Tags documents with what they say, and leaves out those that the caller has.
pub async fn tagged(request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET;
    if !reads && request.headers().contains_key(IF_MATCH) {
        let why = "a change has no If-Match here: it changes what it names and nothing else, so leave the header out";
        return Problem::new(StatusCode::PRECONDITION_FAILED, why).into_response();
    }
    let known: Vec<HeaderValue> = request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect();
    let response = next.run(request).await;
    let is_document = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !reads || response.status() != StatusCode::OK || !is_document {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the document broke off: ask again").into_response();
    };
    let tag = format!("\"{:.32}\"", blake3::hash(&bytes).to_hex().as_str());
    if known.iter().any(|known| names(known, &tag)) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        head.headers.insert(ETAG, tag);
    }
    Response::from_parts(head, Body::from(bytes))
}

/// Whether an `If-None-Match` names this tag, by the weak comparison of RFC 9110.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let Ok(known) = known.to_str() else { return false };
    known.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// What was answered to whom.
#[derive(Default)]
pub struct Answers(Mutex<BTreeMap<(String, String), Answer>>);

struct Answer {
    /// What was asked.
    of: [u8; 32],
    at_ms: u64,
    /// `None` while it is under way.
    given: Option<Given>,
}

#[derive(Clone)]
struct Given {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
}

/// What to do about an order.
enum Turn {
    Do,
    Given(Given),
    Refuse(Problem),
}

impl Answers {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<(String, String), Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, who: &(String, String), of: [u8; 32], now_ms: u64) -> Turn {
        let mut kept = self.kept();
        kept.retain(|_, answer| now_ms.saturating_sub(answer.at_ms) < KEPT_MS);
        if let Some(answer) = kept.get(who) {
            return match &answer.given {
                _ if answer.of != of => Turn::Refuse(Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "this Idempotency-Key came with another request before: take a fresh one",
                )),
                None => Turn::Refuse(Problem::new(
                    StatusCode::CONFLICT,
                    "the request of this Idempotency-Key is under way: ask again in a moment",
                )),
                Some(given) => Turn::Given(given.clone()),
            };
        }
        make_room(&mut kept, |other| other.0 == who.0, KEPT_OF_ONE_MAX);
        make_room(&mut kept, |_| true, KEPT_MAX);
        kept.insert(who.clone(), Answer { of, at_ms: now_ms, given: None });
        Turn::Do
    }

    fn end(&self, who: &(String, String), given: Option<Given>) {
        let mut kept = self.kept();
        match given {
            Some(given) => {
                if let Some(answer) = kept.get_mut(who) {
                    answer.given = Some(given);
                }
            }
            None => {
                kept.remove(who);
            }
        }
    }
}

/// Forgets the oldest of those while there are too many; what is under way stays.
fn make_room(kept: &mut BTreeMap<(String, String), Answer>, of: impl Fn(&(String, String)) -> bool, most: usize) {
    while kept.keys().filter(|who| of(who)).count() >= most {
        let over = kept.iter().filter(|(who, answer)| of(who) && answer.given.is_some());
        let Some(oldest) = over.min_by_key(|(_, answer)| answer.at_ms).map(|(who, _)| who.clone()) else { return };
        kept.remove(&oldest);
    }
}

/// Forgets an order whose client went away before it was answered.
struct UnderWay<'a> {
    answers: &'a Answers,
    who: (String, String),
    ended: bool,
}

impl UnderWay<'_> {
    fn end(mut self, given: Option<Given>) {
        self.ended = true;
        self.answers.end(&self.who, given);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.answers.end(&self.who, None);
        }
    }
}

/// Orders that carry an `Idempotency-Key` are carried out once.
pub async fn once(admin: Arc<Admin>, request: Request, next: Next) -> Response {
    let key = request.headers().get(IDEMPOTENCY_KEY).cloned();
    let (Method::POST, Some(key)) = (request.method().clone(), key) else { return next.run(request).await };
    match keyed(&admin, &key, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn keyed(admin: &Admin, key: &HeaderValue, request: Request, next: Next) -> Result<Response, Problem> {
    let visible =
        |key: &&str| (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let key = key.to_str().ok().filter(visible);
    let key = key.ok_or_else(|| bad(format!("an Idempotency-Key has 1 to {KEY_BYTES_MAX} visible characters")))?;
    let caller = request.extensions().get::<Caller>().map_or_else(String::new, Caller::proof);
    let who = (caller, key.to_owned());
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await;
    let body = body.map_err(|_| {
        let why = format!("the body is too large: send a document of at most {BODY_BYTES_MAX} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why)
    })?;
    let mut asked = blake3::Hasher::new();
    let kind = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    for part in [head.uri.to_string().as_bytes(), kind, &*body] {
        asked.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    match admin.answers.begin(&who, *asked.finalize().as_bytes(), admin.clock.monotonic_ms()) {
        Turn::Refuse(problem) => return Err(problem),
        Turn::Given(Given { status, content_type, body }) => {
            let mut response = (status, body).into_response();
            response.headers_mut().remove(CONTENT_TYPE);
            if let Some(kind) = content_type {
                response.headers_mut().insert(CONTENT_TYPE, kind);
            }
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            return Ok(response);
        }
        Turn::Do => {}
    }
    let under_way = UnderWay { answers: &admin.answers, who, ended: false };
    let response = next.run(Request::from_parts(head, Body::from(body))).await;
    let (head, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_BYTES_MAX).await;
    let body = body.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer is too long"))?;
    let (status, content_type) = (head.status, head.headers.get(CONTENT_TYPE).cloned());
    // What may be otherwise the next time is asked for again.
    let stands = status.is_success() || matches!(status.as_u16(), 400 | 422);
    under_way.end(stands.then(|| Given { status, content_type, body: body.clone() }));
    Ok(Response::from_parts(head, Body::from(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(caller: &str, key: &str) -> (String, String) {
        (caller.to_owned(), key.to_owned())
    }

    fn given(body: &'static str) -> Given {
        Given { status: StatusCode::OK, content_type: None, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn an_order_is_carried_out_once_for_each_caller_and_day() {
        let answers = Answers::default();
        let ann = who("ann", "k");
        assert!(matches!(answers.begin(&ann, [1; 32], 0), Turn::Do));
        assert!(matches!(answers.begin(&ann, [1; 32], 1), Turn::Refuse(problem) if problem.status == 409));
        answers.end(&ann, Some(given("done")));
        assert!(matches!(answers.begin(&ann, [1; 32], 2), Turn::Given(given) if given.body == "done"));
        assert!(matches!(answers.begin(&ann, [2; 32], 3), Turn::Refuse(problem) if problem.status == 422));
        assert!(matches!(answers.begin(&who("bea", "k"), [2; 32], 4), Turn::Do), "another caller's key is another");
        assert!(matches!(answers.begin(&ann, [2; 32], KEPT_MS), Turn::Do), "a day later it is forgotten");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
        let answers = Answers::default();
        for number in 0..=KEPT_OF_ONE_MAX {
            let who = who("ann", &number.to_string());
            assert!(matches!(answers.begin(&who, [1; 32], number as u64), Turn::Do));
            answers.end(&who, Some(given("")));
        }
        assert_eq!(answers.kept().len(), KEPT_OF_ONE_MAX);
        assert!(!answers.kept().contains_key(&who("ann", "0")));
    }

    #[test]
    fn a_tag_is_known_by_name_or_by_the_star() {
        for (known, expected) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("a", false)]
        {
            assert_eq!(names(&HeaderValue::from_static(known), "\"a\""), expected, "{known}");
        }
    }
}
