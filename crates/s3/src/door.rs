//! One request from head to answer: gate, key, signature, body, handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use engine::{Body, Declared, Engine};
use http::Request;
use http::request::Parts;
use hyper::body::Incoming;
use model::{Bucket, Outside, Session};
use policy::{BucketAction, ObjectAction, Permit};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::auth::ChunkSigner;
use crate::body::{self, Paced};
use crate::chunked::TrailerSlot;
use crate::error::{Code, Failure};
use crate::gate::{self, Admitted, BodyUse, Operation};
use crate::headers;
use crate::limits::Limits;
use crate::response::{self, Answer, Content, Line, RequestId, Sent};
use crate::{
    attributes, buckets, copy, delete, digest, get, lifecycle, list, lock, multipart, put, tagging, versioning,
};

/// How a door is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The one region requests are signed for, such as `us-east-1`.
    pub region: String,
    /// Domains in front of which a bucket's name may stand; `localhost` always is one.
    pub domains: Vec<String>,
    pub limits: Limits,
}

/// An S3 door onto an engine; cheap to clone.
#[derive(Clone)]
pub struct Door {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) settings: Settings,
    pub(crate) outside: Outside,
    /// Names this process in answers.
    host: Arc<str>,
    /// KiB of documents that may still be held in memory.
    documents: Semaphore,
}

/// What a document's share of the budget is counted in: a semaphore counts to 2³² at most.
const SHARE_BYTES: usize = 1024;

impl Door {
    pub fn new(engine: Engine, settings: Settings, outside: Outside) -> Door {
        let mut settings = settings;
        settings.domains.push("localhost".to_owned());
        let host = hex::encode(outside.random::<16>()).into();
        let documents =
            Semaphore::new(settings.limits.documents_bytes.max(settings.limits.document_bytes) / SHARE_BYTES);
        Door { inner: Arc::new(Inner { engine, settings, outside, host, documents }) }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> http::Response<Sent> {
        let door = &*self.inner;
        let id = RequestId { request: hex::encode_upper(door.outside.random::<8>()), host: Arc::clone(&door.host) };
        let started_ms = door.outside.clock.monotonic_ms();
        let deadline = Instant::now() + door.settings.limits.request_time;
        let (head, incoming) = request.into_parts();
        let bytes_in = Arc::new(AtomicU64::new(0));
        let paced = Paced::new(incoming, Arc::clone(&bytes_in), door.settings.limits.idle_time, deadline);

        let admitted = gate::admit(&head, &door.settings, door.outside.clock.now());
        let operation = admitted.as_ref().map_or("refused", |admitted| admitted.operation.name());
        let outcome = match admitted {
            Ok(admitted) => Box::pin(door.serve(admitted, paced)).await,
            Err(failure) => Err((failure, Some(paced))),
        };
        let (mut answer, code) = match outcome {
            Ok(answer) => (answer, None),
            Err((failure, unread)) => {
                refuse_body(&head, unread).await;
                let answer = response::failure(&failure, head.uri.path(), &id);
                (without_body_for_head(&head, answer), Some(failure.code().name()))
            }
        };
        part_company(&head, &bytes_in, &mut answer);
        // Not the query: it may carry the signature of a presigned URL that is still good.
        tracing::debug!(request_id = id.request, path = head.uri.path(), "target");
        let method = head.method;
        let (outside, status) = (door.outside.clone(), answer.status());
        let line = Line { id, outside, started_ms, method, operation, status, code, bytes_in };
        response::send(answer, line, deadline)
    }
}

/// A client that waits for `100 Continue` has sent nothing; asking for it now would invite the body.
async fn refuse_body(head: &Parts, unread: Option<Paced>) {
    if let Some(paced) = unread
        && !head.headers.contains_key("expect")
    {
        paced.refuse().await;
    }
}

/// A client that waits for `100 Continue` and hears the answer instead may send its body after it or
/// may not, so nobody knows where the next request on the connection begins: it must be the last.
/// (An empty body is never asked for either, and botocore then mistakes the next answer's head.)
fn part_company(head: &Parts, bytes_in: &AtomicU64, answer: &mut Answer) {
    if head.headers.contains_key("expect") && bytes_in.load(Ordering::Relaxed) == 0 {
        response::set(answer.headers_mut(), "connection", "close");
    }
}

fn without_body_for_head(head: &Parts, answer: Answer) -> Answer {
    if head.method != http::Method::HEAD {
        return answer;
    }
    answer.map(|content| match content {
        Content::Whole(bytes) => Content::Head { length: bytes.len() as u64 },
        other => other,
    })
}

/// A failure, with the body if nothing was read of it.
type Refused = (Failure, Option<Paced>);

impl Inner {
    async fn serve(&self, admitted: Admitted, paced: Paced) -> Result<Answer, Refused> {
        let (session, signer) = match self.authenticate(&admitted).await {
            Ok(proven) => proven,
            Err(failure) => return Err((failure, Some(paced))),
        };
        let call = Call { door: self, session, admitted };
        let slot = TrailerSlot::default();
        let prepared = call.declared(&slot);
        let declared = match prepared {
            Ok(declared) => declared,
            Err(failure) => return Err((failure, Some(paced))),
        };
        let spent = |failure| (failure, None);
        match call.admitted.operation.rules().body {
            BodyUse::Stream => {
                let body = body::unframed(paced, &call.admitted.payload, signer, slot);
                call.stream(declared, body).await.map_err(spent)
            }
            BodyUse::Document => {
                let share = match self.share(declared.length, &paced).await {
                    Ok(share) => share,
                    Err(failure) => return Err((failure, Some(paced))),
                };
                let document = self.document(&call, paced, signer, slot, declared).await.map_err(spent)?;
                let answer = call.document(document).await.map_err(spent);
                // The document, and what was made of it, lives until here.
                drop(share);
                answer
            }
            BodyUse::None => {
                let body = body::unframed(paced, &call.admitted.payload, signer, slot);
                let nothing = body::whole(body, 0).await.map_err(spent)?;
                digest::prove(declared, &nothing).map_err(spent)?;
                call.plain().await.map_err(spent)
            }
        }
    }

    async fn authenticate(&self, admitted: &Admitted) -> Result<(Session, ChunkSigner), Failure> {
        let credential = self.engine.credential(&admitted.claim.access_key).await?;
        let credential = credential.ok_or(Code::InvalidAccessKeyId)?;
        let signer = admitted.claim.verify(&credential.secret)?;
        Ok((credential.session, signer))
    }

    /// A share of the budget for all documents together; an empty one needs none, and waits for none.
    async fn share(&self, length: Option<u64>, paced: &Paced) -> Result<Option<SemaphorePermit<'_>>, Failure> {
        let limits = &self.settings.limits;
        let most = limits.document_bytes;
        if length == Some(0) || paced.is_empty() {
            return Ok(None);
        }
        let expected = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(most).min(most);
        let share = u32::try_from(expected / SHARE_BYTES + 1).unwrap_or(u32::MAX);
        let share = self.documents.acquire_many(share.min(u32::try_from(most / SHARE_BYTES).unwrap_or(u32::MAX)));
        let share = tokio::time::timeout(limits.documents_wait, share).await.map_err(|_| Code::SlowDown)?;
        share.map(Some).map_err(Failure::internal)
    }

    /// Reads and proves a document.
    async fn document(
        &self,
        call: &Call<'_>,
        paced: Paced,
        signer: ChunkSigner,
        slot: TrailerSlot,
        declared: Declared,
    ) -> Result<Bytes, Failure> {
        let limits = &self.settings.limits;
        let paced = body::hurried(paced, limits.document_time);
        let body = body::unframed(paced, &call.admitted.payload, signer, slot);
        let bytes = body::whole(body, limits.document_bytes).await?;
        digest::prove(declared, &bytes)?;
        Ok(bytes)
    }
}

/// A request whose signature was proven.
pub(crate) struct Call<'a> {
    pub(crate) door: &'a Inner,
    pub(crate) session: Session,
    pub(crate) admitted: Admitted,
}

impl Call<'_> {
    /// What was promised of the body. A checksum in the head of a completion is the object's.
    fn declared(&self, slot: &TrailerSlot) -> Result<Declared, Failure> {
        let headers = &self.admitted.headers;
        let whole = match self.admitted.operation {
            Operation::CompleteMultipartUpload => None,
            _ => digest::of_body(headers)?,
        };
        self.admitted.payload.declared(headers, whole, slot)
    }

    async fn stream(&self, declared: Declared, body: Body) -> Result<Answer, Failure> {
        match self.admitted.operation {
            Operation::PutObject => put::put_object(self, declared, body).await,
            Operation::UploadPart => multipart::upload_part(self, declared, body).await,
            other => Err(misrouted(other)),
        }
    }

    async fn document(&self, document: Bytes) -> Result<Answer, Failure> {
        match self.admitted.operation {
            Operation::CreateBucket => buckets::create(self, &document).await,
            Operation::DeleteObjects => delete::delete_objects(self, &document).await,
            Operation::CompleteMultipartUpload => multipart::complete(self, &document).await,
            Operation::PutBucketVersioning => versioning::put(self, &document).await,
            Operation::PutBucketLifecycleConfiguration => lifecycle::put(self, &document).await,
            Operation::PutBucketTagging => tagging::put_bucket(self, &document).await,
            Operation::PutObjectTagging => tagging::put_object(self, &document).await,
            Operation::PutObjectLockConfiguration => lock::put_configuration(self, &document).await,
            Operation::PutObjectRetention => lock::put_retention(self, &document).await,
            Operation::PutObjectLegalHold => lock::put_legal_hold(self, &document).await,
            other => Err(misrouted(other)),
        }
    }

    async fn plain(&self) -> Result<Answer, Failure> {
        match self.admitted.operation {
            Operation::ListBuckets => buckets::list(self).await,
            Operation::HeadBucket => buckets::head(self).await,
            Operation::DeleteBucket => buckets::delete(self).await,
            Operation::GetBucketLocation => buckets::location(self).await,
            Operation::ListObjects => list::list_objects(self).await,
            Operation::ListObjectsV2 => list::list_objects_v2(self).await,
            Operation::ListObjectVersions => versioning::list(self).await,
            Operation::GetBucketVersioning => versioning::get(self).await,
            Operation::GetBucketLifecycleConfiguration => lifecycle::get(self).await,
            Operation::DeleteBucketLifecycle => lifecycle::delete(self).await,
            Operation::GetBucketTagging => tagging::get_bucket(self).await,
            Operation::DeleteBucketTagging => tagging::delete_bucket(self).await,
            Operation::GetObjectTagging => tagging::get_object(self).await,
            Operation::DeleteObjectTagging => tagging::delete_object(self).await,
            Operation::GetObjectAttributes => attributes::get(self).await,
            Operation::GetObjectLockConfiguration => lock::get_configuration(self).await,
            Operation::GetObjectRetention => lock::get_retention(self).await,
            Operation::GetObjectLegalHold => lock::get_legal_hold(self).await,
            Operation::CopyObject => copy::copy_object(self).await,
            Operation::UploadPartCopy => copy::copy_part(self).await,
            Operation::GetObject => get::get_object(self).await,
            Operation::HeadObject => get::head_object(self).await,
            Operation::DeleteObject => delete::delete_object(self).await,
            Operation::CreateMultipartUpload => multipart::create(self).await,
            Operation::ListParts => multipart::list_parts(self).await,
            Operation::ListMultipartUploads => multipart::list_uploads(self).await,
            Operation::AbortMultipartUpload => multipart::abort(self).await,
            other => Err(misrouted(other)),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.door.engine
    }

    /// The bucket the request names, to be asked a permit on.
    pub(crate) async fn bucket(&self) -> Result<Bucket, Failure> {
        let name = self.admitted.bucket.as_ref().ok_or_else(|| Failure::internal("no bucket in the request"))?;
        self.engine().resolve(&self.session, name).await?.ok_or_else(|| Code::NoSuchBucket.into())
    }

    /// A permit for something on the bucket.
    pub(crate) async fn on_bucket<A: BucketAction>(&self) -> Result<(Bucket, Permit<A>), Failure> {
        let bucket = self.bucket().await?;
        let permit = policy::on_bucket(&self.session, &bucket)?;
        self.check_owner(&bucket)?;
        Ok((bucket, permit))
    }

    /// A permit for something on the object.
    pub(crate) async fn on_object<A: ObjectAction>(&self) -> Result<(Bucket, Permit<A>), Failure> {
        let bucket = self.bucket().await?;
        let key = self.admitted.key.clone().ok_or_else(|| Failure::internal("no key in the request"))?;
        let permit = policy::on_object(&self.session, &bucket, key)?;
        self.check_owner(&bucket)?;
        Ok((bucket, permit))
    }

    /// `x-amz-expected-bucket-owner`: nothing is done in somebody else's bucket.
    fn check_owner(&self, bucket: &Bucket) -> Result<(), Failure> {
        match headers::get(&self.admitted.headers, "x-amz-expected-bucket-owner") {
            Some(expected) if expected != bucket.owner.to_string() => Err(Code::AccessDenied.into()),
            _ => Ok(()),
        }
    }

    /// A parameter that is a number from 0; `default` when absent, never above `most`.
    pub(crate) fn number(&self, name: &str, default: usize, most: usize) -> Result<usize, Failure> {
        let Some(value) = self.admitted.query.get(name) else { return Ok(default) };
        let number = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse::<i32>().ok()).flatten();
        let number = number.and_then(|number| usize::try_from(number).ok());
        let invalid =
            || Failure::argument(name, value, format!("Argument {name} must be an integer between 0 and 2147483647"));
        number.map(|number| number.min(most)).ok_or_else(invalid)
    }
}

fn misrouted(operation: Operation) -> Failure {
    Failure::internal(format!("{} has no handler for its kind of body", operation.name()))
}
