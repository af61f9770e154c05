//! Traces to a collector: OTLP over HTTP, as JSON, by the HTTP client that is here already.
//!
//! A request at the door is a span with its id, operation and status; what it asked of sites and of the commit
//! are spans within. None of them names a bucket, a key or a person.
//!
//! To make and send a span costs a small get a tenth of all it does, so requests are drawn, and of one that is not
//! drawn no span is made at all. A sampler of the library's would drop spans that were made and paid for, and so would a
//! filter of one layer: the registry keeps what no layer wants. What draws is a layer by itself, since what one of those
//! refuses is made for nobody.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use engine::trail::{self, RequestNumber};
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::config::TracesConfig;
use crate::failure::{Exit, Failure};
use crate::logs::{PARTS, is_of_traces};

/// A collector that does not answer within this time loses what it was sent.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of an answer that nobody reads.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Sends what is left when it is dropped.
pub struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that is away holds nobody up, and there is nobody left to tell.
        let _ = self.0.shutdown_with_timeout(PATIENCE);
    }
}

/// What sends spans, and goes around the log; what draws them, and goes around everything; and what is to be kept.
pub fn open<S>(config: &TracesConfig) -> Result<(impl Layer<S> + use<S>, Draw, Traces), Failure>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let endpoint = &config.endpoint;
    let failed = |error: &dyn fmt::Display| Failure::new(Exit::Usage, format!("traces to `{endpoint}`: {error}"));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client(runtime))
        .with_protocol(Protocol::HttpJson)
        .with_endpoint(endpoint)
        .with_timeout(PATIENCE)
        .build()
        .map_err(|error| failed(&error))?;
    let resource = Resource::builder().with_service_name("entente").build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("entente"));
    // Nobody asked where in the program a span was made, on which thread, and how long it waited there.
    let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_target(false);
    let draw = Draw { one_in: config.one_in.get().into(), state: RandomState::new(), turns: AtomicU64::new(0) };
    // Lines of the log would go along, and may name people and what they asked for. All spans that are sent are of this level:
    // for one of a lower, each line of each library that nobody wants would be asked about.
    let spans = filter_fn(|what| what.is_span() && *what.level() <= Level::INFO);
    let spans = spans.with_max_level_hint(LevelFilter::INFO);
    Ok((layer.with_filter(spans), draw, Traces(provider)))
}

/// Which spans are made.
pub struct Draw {
    one_in: u64,
    state: RandomState,
    turns: AtomicU64,
}

impl Draw {
    /// Of a request all or nothing: its number says it, which is random. Of what no request was begun for, what is
    /// within a span that is there, and one in as many of the rest; not each so-manyth of them, which
    /// would be the same of four sites again and again.
    fn is_drawn(&self, request: Option<RequestNumber>, is_part: bool, is_within: impl Fn() -> bool) -> bool {
        let number = match request {
            Some(RequestNumber(number)) => u64::from_be_bytes(number),
            None if !is_part || is_within() => return true,
            None => self.state.hash_one(self.turns.fetch_add(1, Ordering::Relaxed)),
        };
        number.is_multiple_of(self.one_in)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Draw {
    /// What is made for traces is asked about each time.
    fn register_callsite(&self, what: &'static Metadata<'static>) -> Interest {
        if is_of_traces(what.target()) { Interest::sometimes() } else { Interest::always() }
    }

    fn enabled(&self, what: &Metadata<'_>, context: Context<'_, S>) -> bool {
        let target = what.target();
        let is_within = || context.lookup_current().is_some();
        !is_of_traces(target) || self.is_drawn(trail::request(), target.starts_with(PARTS), is_within)
    }

    /// It wants nothing itself, and lifts nobody's bound.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }
}

/// Used by the thread that sends batches alone.
struct Client(Runtime);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.0.block_on(async { tokio::time::timeout(PATIENCE, send(request)).await? })
    }
}

async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (mut head, body) = request.into_parts();
    let (host, port) = (head.uri.host().unwrap_or_default().to_owned(), head.uri.port_u16().unwrap_or(80));
    let authority = head.uri.authority().map(ToString::to_string).unwrap_or_default();
    head.headers.insert(HOST, HeaderValue::from_str(&authority)?);
    head.uri = head.uri.path_and_query().map_or_else(|| Uri::from_static("/"), |path| Uri::from(path.clone()));
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = sender.send_request(Request::from_parts(head, Full::new(body)));
    let answered = async {
        let (head, body) = answer.await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok::<_, HttpError>(Response::from_parts(head, body))
    };
    tokio::pin!(answered);
    tokio::select! {
        answered = &mut answered => answered,
        ended = connection => {
            ended?;
            answered.await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{EnvFilter, Registry};

    use super::*;
    use crate::logs::lines::{self, Shape};

    fn config(endpoint: &str, one_in: u32) -> TracesConfig {
        TracesConfig { endpoint: endpoint.to_owned(), one_in: one_in.try_into().unwrap() }
    }

    /// Takes one request and gives what it was.
    fn collect(listener: &TcpListener) -> (String, String) {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut taken, mut more) = (Vec::new(), [0; 4096]);
        loop {
            let text = String::from_utf8_lossy(&taken).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
                if length.is_some_and(|length| body.len() >= length) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").unwrap();
                    return (head, body.to_owned());
                }
            }
            let read = stream.read(&mut more).unwrap();
            assert!(read > 0, "the request broke off");
            taken.extend_from_slice(more.get(..read).unwrap());
        }
    }

    #[test]
    fn a_collector_is_told_of_requests_and_never_of_names() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let collector = std::thread::spawn(move || collect(&listener));
        let (layer, draw, traces) = open(&config(&endpoint, 1)).unwrap();
        // Which want no span of a request, and leave those that want it theirs.
        let lines = lines::layer::<Registry, _>(Shape::Json, EnvFilter::new("debug"), std::io::sink);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines).with(layer).with(draw), || {
            drop(tracing::debug_span!("secret span of a library"));
            let request = tracing::info_span!(
                target: s3::REQUEST_SPANS,
                "request",
                request_id = "5F0C6E0B9A1D2E3F",
                status = tracing::field::Empty,
            );
            let _inside = request.enter();
            request.record("status", 200);
            tracing::info_span!(target: "trace::site", "site", site = "amazon", kind = "get").in_scope(|| ());
            tracing::debug!(path = "/secret-bucket/secret-key", "target");
            tracing::info!(user = "secret-agent", "a user was created");
        });
        drop(traces);
        let (head, body) = collector.join().unwrap();
        assert!(head.starts_with("post /v1/traces ") && head.contains("content-type: application/json"), "{head}");
        for told in ["5F0C6E0B9A1D2E3F", "\"entente\"", "\"amazon\"", "\"request\"", "\"site\"", "200"] {
            assert!(body.contains(told), "no {told} in {body}");
        }
        assert!(!body.contains("secret"), "{body}");
    }

    #[test]
    fn one_request_in_so_many_is_told_of_and_each_with_all_its_parts() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let collector = std::thread::spawn(move || collect(&listener));
        let (layer, draw, traces) = open(&config(&endpoint, 5)).unwrap();
        let lines = lines::layer::<Registry, _>(Shape::Json, EnvFilter::new("info"), std::io::sink);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines).with(layer).with(draw), || {
            assert_eq!(LevelFilter::current(), LevelFilter::INFO, "no library's lines are asked about");
            for number in 0..20_u64 {
                trail::turn(RequestNumber(number.to_be_bytes()), || {
                    let of = number.cast_signed();
                    let request = tracing::info_span!(target: s3::REQUEST_SPANS, "request", of).entered();
                    let site = tracing::info_span!(target: "trace::site", "site", of);
                    let are_made = number.is_multiple_of(5);
                    assert_eq!((!request.is_disabled(), !site.is_disabled()), (are_made, are_made), "{number}");
                    site.in_scope(|| ());
                });
            }
        });
        drop(traces);
        let told: serde_json::Value = serde_json::from_str(&collector.join().unwrap().1).unwrap();
        let spans = told.pointer("/resourceSpans/0/scopeSpans/0/spans").unwrap().as_array().unwrap();
        let those = |name: &str| -> Vec<u64> {
            let named = spans.iter().filter(|span| span.get("name").unwrap() == name);
            let attributes = named.flat_map(|span| span.get("attributes").unwrap().as_array().unwrap());
            let said = attributes.filter(|attribute| attribute.get("key").unwrap() == "of");
            said.map(|said| said.pointer("/value/intValue").unwrap().as_str().unwrap().parse().unwrap()).collect()
        };
        assert_eq!((those("request"), those("site")), (vec![0, 5, 10, 15], vec![0, 5, 10, 15]), "{told}");
    }

    #[test]
    fn what_is_of_no_request_is_drawn_too_but_never_torn_from_what_it_is_within() {
        let draw = Draw { one_in: 4, state: RandomState::new(), turns: AtomicU64::new(0) };
        let drawn = (0..4_000).filter(|_| draw.is_drawn(None, true, || false)).count();
        assert!((800..1_200).contains(&drawn), "{drawn}");
        assert!((0..100).all(|_| draw.is_drawn(None, true, || true) && draw.is_drawn(None, false, || false)));
    }

    #[test]
    fn a_collector_that_is_away_holds_nobody_up() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let begun = std::time::Instant::now();
        let (layer, draw, traces) = open(&config(&format!("http://{closed}/v1/traces"), 1)).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer).with(draw), || {
            drop(tracing::info_span!("request"));
        });
        drop(traces);
        assert!(begun.elapsed() < 2 * PATIENCE, "{:?}", begun.elapsed());
    }
}
