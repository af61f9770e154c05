//! Passes requests on to the stand-in, and does to them what the site's state says.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

use crate::body::{self, Body, Failure};
use crate::request::{Kind, object_name};
use crate::site::{Fate, Site, locked};
use crate::vendor::{self, Speaks};
use crate::wire::{Cut, Wire};

/// When accepting fails (too many files, mostly) it is tried again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// Serves every client of the site.
pub async fn accept(door: TcpListener, site: Arc<Site>) -> Result<()> {
    loop {
        match door.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, Arc::clone(&site)))),
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
}

/// One client's connection, with one to the stand-in from its first request on.
struct Relay {
    site: Arc<Site>,
    upstream: Mutex<Option<SendRequest<Body>>>,
    /// The stand-in closed its connection.
    closed: Arc<Notify>,
    cut: Cut,
}

async fn serve(stream: TcpStream, site: Arc<Site>) {
    let _ = stream.set_nodelay(true);
    let cut = Cut::default();
    let closed = Arc::new(Notify::new());
    let wire = Wire::new(stream, Arc::clone(&site), cut.clone());
    let relay = Arc::new(Relay { site, upstream: Mutex::new(None), closed: Arc::clone(&closed), cut });
    let service = hyper::service::service_fn(move |request| {
        let relay = Arc::clone(&relay);
        async move { relay.answer(request).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(wire), service);
    tokio::pin!(connection);
    tokio::select! {
        // However it ended, it is over for both sides.
        _ = connection.as_mut() => return,
        () = closed.notified() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

impl Relay {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Failure> {
        let kind = Kind::of(request.method(), request.uri());
        self.site.counts.begin(kind);
        if let Some(refusal) = self.site.quirks.refuse(request.headers()) {
            body::drain(request.into_body()).await?;
            return Ok(refusal);
        }
        let (fate, began) = (self.site.fate(kind), Instant::now());
        // How much a get carries is known when it is answered.
        if kind != Kind::Get
            && let Some(wait) = self.site.latency(request.body().size_hint().exact().unwrap_or(0))
        {
            tokio::time::sleep(wait).await;
        }
        if fate == Fate::SlowDown {
            self.site.counts.strike();
            body::drain(request.into_body()).await?;
            return Ok(vendor::slow_down(self.site.speaks));
        }
        match kind {
            Kind::List => self.list(request, fate).await,
            Kind::Put | Kind::Delete => self.write(request, kind, fate).await,
            Kind::Get => self.read(request, fate, began).await,
            Kind::Head | Kind::Other => Ok(self.forward(request.map(body::streamed)).await?.map(body::streamed)),
        }
    }

    /// A latency was measured to the last byte, so what the stand-in itself took counts towards it.
    async fn read(&self, request: Request<Incoming>, fate: Fate, began: Instant) -> Result<Response<Body>, Failure> {
        let answer = self.forward(request.map(body::streamed)).await?;
        let length = answer.body().size_hint().exact().unwrap_or(0);
        if let Some(wait) = self.site.latency(length) {
            tokio::time::sleep_until(began + wait).await;
        }
        if !answer.status().is_success() || length == 0 {
            return Ok(answer.map(body::streamed));
        }
        match fate {
            Fate::Flip => {
                self.site.counts.strike();
                let at = self.site.chance.below(length);
                Ok(answer.map(|body| body::flipped(body, at)))
            }
            Fate::Cut => {
                self.site.counts.strike();
                Ok(answer.map(|body| body::cut(body, length / 2, self.cut.clone())))
            }
            _ => Ok(answer.map(body::streamed)),
        }
    }

    async fn write(&self, request: Request<Incoming>, kind: Kind, fate: Fate) -> Result<Response<Body>, Failure> {
        let name = object_name(request.uri(), self.site.speaks);
        let length = request.body().size_hint().exact().unwrap_or(0);
        if fate == Fate::Cut && length > 0 {
            self.site.counts.strike();
            let cut = self.cut.clone();
            return Ok(self.forward(request.map(|body| body::cut(body, length / 2, cut))).await?.map(body::streamed));
        }
        let mut answer = self.forward(request.map(body::streamed)).await?.map(body::streamed);
        if kind == Kind::Put && answer.status().is_success() {
            answer = self.note(name, answer).await?;
        }
        if fate != Fate::Landed {
            return Ok(answer);
        }
        self.site.counts.strike();
        body::drain(answer.into_body()).await?;
        if self.site.chance.strikes(0.5) {
            return Ok(vendor::failed(self.site.speaks));
        }
        self.cut.now();
        Err(io::Error::from(io::ErrorKind::ConnectionReset).into())
    }

    /// Remembers the name of what was stored; Google's JSON face tells it in the answer.
    async fn note(&self, name: Option<String>, answer: Response<Body>) -> Result<Response<Body>, Failure> {
        if let Some(name) = name {
            locked(&self.site.listings).note_put(name);
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let told: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
        if let Some(name) = told.as_ref().and_then(|told| told.get("name")?.as_str()) {
            locked(&self.site.listings).note_put(name.to_owned());
        }
        Ok(Response::from_parts(head, body::full(bytes)))
    }

    async fn list(&self, request: Request<Incoming>, fate: Fate) -> Result<Response<Body>, Failure> {
        let uri = request.uri().clone();
        let old = if fate == Fate::OldListing { locked(&self.site.listings).recorded(&uri) } else { None };
        if let Some(old) = old {
            self.site.counts.strike();
            body::drain(request.into_body()).await?;
            return Ok(old.map(body::full));
        }
        let answer = self.forward(request.map(body::streamed)).await?;
        if answer.status() != StatusCode::OK {
            return Ok(answer.map(body::streamed));
        }
        let (mut head, body) = answer.into_parts();
        let mut bytes = body.collect().await?.to_bytes();
        head.headers.remove(header::TRANSFER_ENCODING);
        head.headers.remove(header::CONTENT_LENGTH);
        if fate == Fate::OldListing {
            self.site.counts.strike();
            bytes = locked(&self.site.listings).as_of_the_moment(&bytes).into();
        } else {
            let kind = head.headers.get(header::CONTENT_TYPE).cloned();
            locked(&self.site.listings).record(&uri, kind, bytes.clone());
        }
        Ok(Response::from_parts(head, body::full(bytes)))
    }

    /// Sends a request to the stand-in. A connection that cannot be made, or breaks, breaks the
    /// client's.
    async fn forward(&self, mut request: Request<Body>) -> Result<Response<Incoming>, Failure> {
        prepare(request.headers_mut(), &self.site);
        let mut upstream = self.upstream.lock().await;
        if upstream.is_none() {
            *upstream = Some(self.connect().await?);
        }
        let Some(sender) = upstream.as_mut() else { return Err(anyhow::anyhow!("no connection to the stand-in")) };
        sender.ready().await?;
        let mut answer = sender.send_request(request).await?;
        for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
            answer.headers_mut().remove(name);
        }
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Body>, Failure> {
        let stream = TcpStream::connect(self.site.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::Builder::new()
            .preserve_header_case(true)
            .handshake(TokioIo::new(stream))
            .await?;
        let closed = Arc::clone(&self.closed);
        tokio::spawn(async move {
            let _ = connection.await;
            closed.notify_one();
        });
        Ok(sender)
    }
}

/// Headers that speak of one connection only stay on it. The proxy itself has answered an `Expect`.
fn prepare(headers: &mut HeaderMap, site: &Site) {
    for name in [header::CONNECTION, header::EXPECT] {
        headers.remove(name);
    }
    // The stand-in for Google finds its buckets by its own name, and nothing signs it.
    if site.speaks == Speaks::Gcs
        && let Ok(host) = site.upstream.to_string().parse()
    {
        headers.insert(header::HOST, host);
    }
}
