//! One request from head to answer: gate, key, signature, body, handler.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use engine::trail::{self, RequestNumber};
use engine::{Body, Declared, Engine};
use http::request::Parts;
use http::{Method, Request};
use hyper::body::Incoming;
use model::{Acl, Aspect, Bucket, BucketSetting, Label, ObjectKey, Outside, PrincipalId, Session, Which};
use policy::{
    Access, AccountAction, BucketAction, DeleteObject, GetObject, ListObjects, ObjectAction, Permit, ReadSettings,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tracing::Instrument;

use crate::auth::ChunkSigner;
use crate::body::{self, Paced};
use crate::chunked::TrailerSlot;
use crate::error::{Code, Failure};
use crate::gate::{self, Admitted, BodyUse, Crossing, Operation, Payload, Signed};
use crate::headers;
use crate::limits::Limits;
use crate::response::{self, Answer, Content, Line, RequestId, Sent};
use crate::settings::{self, Unconfigured};
use crate::watch::{Class, Unwatched, Watch};
use crate::{
    acl, attributes, buckets, copy, cors, delete, digest, form, get, lifecycle, list, lock, multipart, put, tagging,
    versioning,
};

/// What the span of a request is filed under. It is for traces: lines name the request by [`engine::trail`].
pub const REQUEST_SPANS: &str = "s3::door";

/// How a door is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The one region requests are signed for, such as `us-east-1`.
    pub region: String,
    /// Domains in front of which a bucket's name may stand; `localhost` always is one.
    pub domains: Vec<String>,
    /// Origins of the console's page, such as `http://127.0.0.1:9002`: it may see every answer, as it has
    /// nothing but the key that its user typed into it.
    pub console_origins: Vec<String>,
    /// Without it the door speaks plain HTTP.
    pub tls: Option<tls::Server>,
    pub limits: Limits,
}

impl Settings {
    /// How the door's own addresses begin.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
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
    /// Names of principals that were asked for.
    names: Mutex<BTreeMap<PrincipalId, String>>,
    watch: Arc<dyn Watch>,
}

/// What a document's share of the budget is counted in: a semaphore counts to 2³² at most.
const SHARE_BYTES: usize = 1024;

impl Door {
    pub fn new(engine: Engine, settings: Settings, outside: Outside) -> Door {
        Door::watched(engine, settings, outside, Arc::new(Unwatched))
    }

    /// A door whose answers somebody counts.
    pub fn watched(engine: Engine, settings: Settings, outside: Outside, watch: Arc<dyn Watch>) -> Door {
        let mut settings = settings;
        settings.domains.push("localhost".to_owned());
        let host = hex::encode(outside.random::<16>()).into();
        let documents =
            Semaphore::new(settings.limits.documents_bytes.max(settings.limits.document_bytes) / SHARE_BYTES);
        let names = Mutex::default();
        Door { inner: Arc::new(Inner { engine, settings, outside, host, documents, names, watch }) }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> http::Response<Sent> {
        let door = &*self.inner;
        let number = RequestNumber(door.outside.random());
        let id = RequestId { request: hex::encode_upper(number.0), host: Arc::clone(&door.host) };
        let started = Instant::now();
        let deadline = started + door.settings.limits.request_time;
        let (head, incoming) = request.into_parts();
        let bytes_in = Arc::new(AtomicU64::new(0));
        let paced = Paced::new(incoming, Arc::clone(&bytes_in), door.settings.limits.idle_time, deadline);

        let asker = Asker::default();
        // Where nobody collects traces it is none, and costs nothing. Of which requests they are is told by the number.
        let span = trail::turn(number, || {
            tracing::info_span!(
                target: REQUEST_SPANS,
                "request",
                request_id = id.request,
                operation = tracing::field::Empty,
                status = tracing::field::Empty,
            )
        });
        // What is logged on the way names the request.
        let (asked, outcome) = trail::of(number, door.handle(&head, &asker, paced).instrument(span.clone())).await;
        let (mut answer, code) = match outcome {
            Ok(answer) => (answer, None),
            Err((failure, unread)) => {
                refuse_body(&head, unread).await;
                let answer = response::failure(&failure, head.uri.path(), &id);
                (without_body_for_head(&head, answer), Some(failure.code().name()))
            }
        };
        if cors::of_console(&door.settings, &head.headers) {
            cors::tell_console(&head.headers, answer.headers_mut());
        } else if let Some(crossing) = door.crossing(&head) {
            cors::tell(door, &crossing, answer.headers_mut()).await;
        }
        part_company(&head, &bytes_in, &mut answer);
        // Not the query: it may carry the signature of a presigned URL that is still good.
        tracing::debug!(request_id = id.request, path = head.uri.path(), "target");
        let (method, status, label) = (head.method, answer.status(), asker.0.into_inner());
        let (operation, class) = asked.told();
        if !span.is_disabled() {
            // What is not signed would be told as text.
            span.record("operation", operation).record("status", i64::from(status.as_u16()));
        }
        let watch = Arc::clone(&door.watch);
        let line = Line { id, number, span, watch, started, method, operation, class, label, status, code, bytes_in };
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
    if head.method != Method::HEAD {
        return answer;
    }
    answer.map(|content| match content {
        Content::Whole(bytes) => Content::Head { length: bytes.len() as u64 },
        other => other,
    })
}

/// The other end of the connection that a request came by.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

fn peer(head: &Parts) -> Option<IpAddr> {
    head.extensions.get::<Peer>().map(|peer| peer.0)
}

/// What was asked for.
#[derive(Clone, Copy)]
enum Asked {
    Served(Operation),
    /// By a browser, before it asks.
    Preflight,
    Refused,
}

impl Asked {
    fn told(self) -> (&'static str, Class) {
        match self {
            Asked::Served(operation) => (operation.name(), Class::of(operation)),
            Asked::Preflight => ("Preflight", Class::Setting),
            Asked::Refused => ("refused", Class::Refused),
        }
    }
}

/// The label of the session that asks, once it is proven.
#[derive(Default)]
pub(crate) struct Asker(OnceLock<Label>);

impl Asker {
    pub(crate) fn is(&self, session: &Session) {
        // Nobody is proven twice.
        let _ = self.0.set(session.label);
    }
}

/// A failure, with the body if nothing was read of it.
type Refused = (Failure, Option<Paced>);

impl Inner {
    /// Tells what kind of request it is and serves it.
    async fn handle(&self, head: &Parts, asker: &Asker, paced: Paced) -> (Asked, Result<Answer, Refused>) {
        let unread = |paced| move |failure| (failure, Some(paced));
        if head.method == Method::OPTIONS {
            if let Some(answer) = cors::console_preflight(&self.settings, head) {
                return (Asked::Preflight, Ok(answer));
            }
            let answer = match gate::preflight(head, &self.settings) {
                Ok(crossing) => cors::preflight(self, crossing).await,
                Err(failure) => Err(failure),
            };
            return (Asked::Preflight, answer.map_err(unread(paced)));
        }
        match gate::form_head(head, &self.settings) {
            Ok(None) => {}
            Ok(Some(form)) => {
                let answer = Box::pin(form::post_object(self, form, (asker, peer(head)), paced)).await;
                return (Asked::Served(Operation::PostObject), answer.map_err(|failure| (failure, None)));
            }
            Err(failure) => return (Asked::Refused, Err((failure, Some(paced)))),
        }
        match gate::admit(head, &self.settings, self.outside.clock.now()) {
            Ok(admitted) => {
                let operation = admitted.operation;
                (Asked::Served(operation), Box::pin(self.serve(admitted, (asker, peer(head)), paced)).await)
            }
            Err(failure) => (Asked::Refused, Err((failure, Some(paced)))),
        }
    }

    /// What a browser wants to know about the answer, if a page at another origin asks. A question
    /// before the request was answered in full already.
    fn crossing(&self, head: &Parts) -> Option<Crossing> {
        if head.method == Method::OPTIONS || !head.headers.contains_key("origin") {
            return None;
        }
        cors::crossing(gate::bucket_named(head, &self.settings).as_ref(), &head.method, &head.headers)
    }

    /// What a principal is called. Names never change, so each is asked for once.
    async fn name_of(&self, principal: PrincipalId) -> Result<Option<String>, Failure> {
        let kept = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&principal).cloned();
        if kept.is_some() {
            return Ok(kept);
        }
        let name = self.engine.name_of(principal).await?;
        if let Some(name) = &name {
            self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(principal, name.clone());
        }
        Ok(name)
    }

    async fn serve(
        &self,
        admitted: Admitted,
        (asker, from): (&Asker, Option<IpAddr>),
        paced: Paced,
    ) -> Result<Answer, Refused> {
        let (session, signer) = match self.authenticate(&admitted, from).await {
            Ok(proven) => proven,
            Err(failure) => return Err((failure, Some(paced))),
        };
        asker.is(&session);
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

    /// Who asks, and what checks the chunks of the body if they are signed.
    pub(crate) async fn authenticate(
        &self,
        admitted: &Admitted,
        from: Option<IpAddr>,
    ) -> Result<(Session, Option<ChunkSigner>), Failure> {
        let Some(claim) = &admitted.claim else {
            return match admitted.payload {
                Payload::Chunked { signed: Signed::Yes, .. } => Err(Code::SignatureDoesNotMatch.into()),
                _ => Ok((self.engine.anonymous(), None)),
            };
        };
        let credential = self.engine.credential(&claim.access_key).await?.ok_or(Code::InvalidAccessKeyId)?;
        let signer = claim.verify(&credential.secret)?;
        policy::may_use(&credential.standing, &credential.session.label, self.outside.clock.now(), from)?;
        Ok((credential.session, Some(signer)))
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
        signer: Option<ChunkSigner>,
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
            Operation::PutBucketAcl => acl::put_bucket_acl(self, &document).await,
            Operation::PutObjectAcl => acl::put_object_acl(self, &document).await,
            Operation::PutBucketCors => cors::put(self, &document).await,
            Operation::PutBucketOwnershipControls => settings::put_ownership(self, &document).await,
            Operation::PutPublicAccessBlock => settings::put_public_access(self, &document).await,
            Operation::PutBucketEncryption => settings::put_encryption(self, &document).await,
            Operation::PutBucketRequestPayment => settings::put_payer(self, &document).await,
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
            Operation::GetBucketAcl => acl::get_bucket_acl(self).await,
            Operation::GetObjectAcl => acl::get_object_acl(self).await,
            Operation::GetBucketCors => cors::get(self).await,
            Operation::DeleteBucketCors => cors::delete(self).await,
            Operation::GetBucketOwnershipControls => settings::get_ownership(self).await,
            Operation::DeleteBucketOwnershipControls => settings::delete_ownership(self).await,
            Operation::GetPublicAccessBlock => settings::get_public_access(self).await,
            Operation::DeletePublicAccessBlock => settings::delete_public_access(self).await,
            Operation::GetBucketPolicyStatus => settings::policy_status(self).await,
            Operation::GetBucketEncryption => settings::get_encryption(self).await,
            Operation::DeleteBucketEncryption => settings::delete_encryption(self).await,
            Operation::GetBucketRequestPayment => settings::get_payer(self).await,
            Operation::DeleteBucketPolicy | Operation::DeleteBucketWebsite | Operation::DeleteBucketReplication => {
                settings::delete_unconfigured(self).await
            }
            other => self.unconfigured(other).await,
        }
    }

    /// What S3 answers about what no bucket has here.
    async fn unconfigured(&self, operation: Operation) -> Result<Answer, Failure> {
        let answer = match operation {
            Operation::GetBucketPolicy => Unconfigured::Absent(Code::NoSuchBucketPolicy),
            Operation::GetBucketWebsite => Unconfigured::Absent(Code::NoSuchWebsiteConfiguration),
            Operation::GetBucketReplication => Unconfigured::Absent(Code::ReplicationConfigurationNotFoundError),
            Operation::GetBucketLogging => Unconfigured::Empty("BucketLoggingStatus"),
            Operation::GetBucketNotificationConfiguration => Unconfigured::Empty("NotificationConfiguration"),
            Operation::GetBucketAccelerateConfiguration => Unconfigured::Empty("AccelerateConfiguration"),
            other => return Err(misrouted(other)),
        };
        settings::unconfigured(self, answer).await
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
        let access = self.access_to(&bucket).await?;
        let permit = policy::on_shared_bucket(&self.session, &bucket, &access)?;
        self.check_owner(&bucket)?;
        Ok((bucket, permit))
    }

    /// A permit for something on the object, where it is the bucket that decides.
    pub(crate) async fn on_object<A: ObjectAction>(&self) -> Result<(Bucket, Permit<A>), Failure> {
        let bucket = self.bucket().await?;
        let access = self.access_to(&bucket).await?;
        let permit = policy::on_shared_key(&self.session, &bucket, &access, self.key()?)?;
        self.check_owner(&bucket)?;
        Ok((bucket, permit))
    }

    /// What the bucket says about others, if it is asked by one.
    pub(crate) async fn access_to(&self, bucket: &Bucket) -> Result<Arc<Access>, Failure> {
        match self.owns(bucket) {
            true => Ok(Arc::default()),
            false => Ok(self.engine().access(bucket).await?),
        }
    }

    /// A permit for something on the caller's own account.
    pub(crate) fn on_account<A: AccountAction>(&self) -> Result<Permit<A>, Failure> {
        Ok(policy::on_account(&self.session)?)
    }

    fn key(&self) -> Result<ObjectKey, Failure> {
        self.admitted.key.clone().ok_or_else(|| Failure::internal("no key in the request"))
    }

    fn owns(&self, bucket: &Bucket) -> bool {
        self.session.principal == bucket.owner
    }

    /// The bucket and what it says about others.
    async fn bucket_and_access(&self) -> Result<(Bucket, Arc<Access>), Failure> {
        let bucket = self.bucket().await?;
        let access = self.engine().access(&bucket).await?;
        Ok((bucket, access))
    }

    /// A permit for what the bucket's list can allow, with what it says.
    pub(crate) async fn on_shared_bucket<A: BucketAction>(&self) -> Result<(Bucket, Arc<Access>, Permit<A>), Failure> {
        let (bucket, access) = self.bucket_and_access().await?;
        let permit = policy::on_shared_bucket(&self.session, &bucket, &access)?;
        self.check_owner(&bucket)?;
        Ok((bucket, access, permit))
    }

    /// The bucket to delete several objects from, with what each permit is asked by.
    pub(crate) async fn on_bucket_to_delete(&self) -> Result<(Bucket, Arc<Access>), Failure> {
        let bucket = self.bucket().await?;
        let access = self.access_to(&bucket).await?;
        policy::may_key::<DeleteObject>(&self.session, &bucket, &access)?;
        self.check_owner(&bucket)?;
        Ok((bucket, access))
    }

    /// A permit for what the object's list can allow, with what bucket and object say.
    pub(crate) async fn on_shared_object<A: ObjectAction>(
        &self,
    ) -> Result<(Bucket, Arc<Access>, Acl, Permit<A>), Failure> {
        let (bucket, access) = self.bucket_and_access().await?;
        let (key, which) = (self.key()?, versioning::wanted(self)?);
        let Some(acl) = self.engine().object_acl(&bucket, &key, which).await? else {
            // Who may not list the bucket is not told what is not there either.
            policy::may_bucket::<ListObjects>(&self.session, &bucket, &access)?;
            self.check_owner(&bucket)?;
            return Err(if which == Which::Current { Code::NoSuchKey } else { Code::NoSuchVersion }.into());
        };
        let permit = policy::on_shared_object(&self.session, &bucket, &access, key, &acl)?;
        self.check_owner(&bucket)?;
        Ok((bucket, access, acl, permit))
    }

    /// A permit to look for an object to read; whoever found it asks [`Call::check_readable`] too.
    pub(crate) async fn on_open_object(&self) -> Result<(Bucket, Permit<GetObject>), Failure> {
        if self.owns(&self.bucket().await?) {
            return self.on_object().await;
        }
        let (bucket, _, _, permit) = self.on_shared_object().await?;
        Ok((bucket, permit))
    }

    /// A permit to copy from an object, with the list that allowed it.
    pub(crate) async fn on_source(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        which: Which,
    ) -> Result<(Acl, Permit<GetObject>), Failure> {
        let access = self.engine().access(bucket).await?;
        let Some(acl) = self.engine().object_acl(bucket, key, which).await? else {
            policy::may_bucket::<ListObjects>(&self.session, bucket, &access)?;
            // The engine says what is missing, and how.
            return Ok((
                Acl::default(),
                policy::on_shared_object(&self.session, bucket, &access, key.clone(), &Acl::default())?,
            ));
        };
        let permit = policy::on_shared_object(&self.session, bucket, &access, key.clone(), &acl)?;
        Ok((acl, permit))
    }

    /// Whether the object that was found, with this list, may be read.
    pub(crate) async fn check_readable(&self, bucket: &Bucket, acl: &Acl) -> Result<(), Failure> {
        if self.owns(bucket) && acl.owner.is_none_or(|owner| owner == bucket.owner) {
            return Ok(());
        }
        let access = self.engine().access(bucket).await?;
        Ok(policy::may_object::<GetObject>(&self.session, bucket, &access, acl)?)
    }

    /// What a bucket of one's own was told.
    pub(crate) async fn setting(&self, aspect: Aspect) -> Result<BucketSetting, Failure> {
        let (_, permit) = self.on_bucket::<ReadSettings>().await?;
        Ok(self.engine().bucket_setting(permit, aspect).await?)
    }

    /// A principal as documents show it.
    pub(crate) async fn owner(&self, principal: PrincipalId) -> Result<s3s::dto::Owner, Failure> {
        let display_name = self.door.name_of(principal).await?;
        Ok(s3s::dto::Owner { display_name, id: Some(principal.to_string()) })
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
