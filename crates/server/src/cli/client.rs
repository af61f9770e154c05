//! A small HTTP client for `/api/v1` of the Entente that runs on a data directory.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use tls::Stream;
use tokio::net::TcpStream;

use crate::api::wire::{Paged, Problem, SignIn};
use crate::args::{AskerArgs, PlaceArgs, SignerArgs, ThereArgs};
use crate::config;
use crate::credentials::Credentials;
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::run_file::RunFile;
use crate::sigv4::{self, Asked};
use crate::token::Token;

/// Long enough for a start that is still replaying, short enough for a person.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Far above the longest answer.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Of an answer in plain text; a page is no line.
const LINE_BYTES_MAX: usize = 200;

/// Of what lists a whole bucket somewhere else: millions of keys take a while.
const PATIENT_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

/// The way to one running Entente.
pub struct Client {
    address: SocketAddr,
    tls: Option<tls::Client>,
    shows: Shows,
    region: String,
    timeout: Duration,
}

/// What a request is let in by.
enum Shows {
    /// Whoever runs this machine.
    Token(Token),
    Key(Credentials),
    /// It asks for what is told to everybody.
    Nothing,
}

/// Whose business something is, which says whose key is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Business {
    Officers,
    Owners,
}

impl Client {
    /// The one that runs on the data directory the command line means.
    pub fn of(place: &PlaceArgs) -> Result<Client, Failure> {
        let dir = config::data_dir(place)?;
        let run = RunFile::of_running(&dir)?;
        let token = Token::load(&dir)?;
        let token = token.ok_or_else(|| broken(&dir, "there is no admin.token"))?;
        Client::on(&dir, run, Shows::Token(token))
    }

    /// The same, signed with somebody's key.
    pub fn signed(signer: &SignerArgs, business: Business) -> Result<Client, Failure> {
        let whose = match business {
            Business::Officers => "a security officer's credentials file",
            Business::Owners => "a mission owner's credentials file",
        };
        if let Some(file) = &signer.who {
            return Client::with_key(&signer.place, &signer.there, file, whose);
        }
        let dir = config::data_dir(&signer.place)?;
        let file = match business {
            Business::Officers => dir.officer(),
            Business::Owners => dir.credentials(),
        };
        Client::with_key(&signer.place, &signer.there, &file, whose)
    }

    /// The same by the admin token, or signed with the key that is named.
    pub fn asked(asker: &AskerArgs) -> Result<Client, Failure> {
        match &asker.who {
            None => Client::of(&asker.place),
            Some(file) => Client::with_key(&asker.place, &asker.there, file, "a credentials file"),
        }
    }

    /// The one that is named by where it answers, or by its data directory.
    fn with_key(place: &PlaceArgs, there: &ThereArgs, file: &Path, what: &str) -> Result<Client, Failure> {
        let key = || {
            Credentials::read(file)?.ok_or_else(|| {
                let why = format!("there is no key in `{}`: name {what} with --as", file.display());
                Failure::new(Exit::Usage, why)
            })
        };
        if let Some(endpoint) = &there.at {
            return Client::at(endpoint, there.certificate.as_deref(), key()?);
        }
        let dir = config::data_dir(place)?;
        // That none runs is told first: a key is looked for where one does.
        let run = RunFile::of_running(&dir)?;
        Client::on(&dir, run, Shows::Key(key()?))
    }

    /// The one that answers there: what must be known to sign it tells itself.
    fn at(endpoint: &str, certificate: Option<&Path>, key: Credentials) -> Result<Client, Failure> {
        let wrong = |why: &str| Failure::new(Exit::Usage, format!("`{endpoint}` {why}"));
        // Elsewhere than on this machine nothing of it is answered.
        let (scheme, address) = on_loopback(endpoint).ok_or_else(|| {
            wrong(
                "is no endpoint to sign for: write http:// or https:// with an address and port of loopback, as the \
                 console has it; one on another machine is reached by a tunnel of the same port, such as \
                 `ssh -L 9002:127.0.0.1:9002 MACHINE`",
            )
        })?;
        let tls = match (scheme, certificate) {
            (Scheme::Http, None) => None,
            (Scheme::Https, Some(path)) => Some(trusting(path, Exit::Usage)?),
            (Scheme::Http, Some(_)) => {
                return Err(wrong("shows no certificate: write https://, or leave out --certificate"));
            }
            (Scheme::Https, None) => {
                return Err(wrong(
                    "is on loopback, which no authority certifies: name the certificate that it serves with \
                     --certificate, be it `certificate` under [tls] or a copy of it",
                ));
            }
        };
        let stranger = Client { address, tls, shows: Shows::Nothing, region: String::new(), timeout: TIMEOUT };
        let told: SignIn = stranger.call(Method::GET, "/api/v1/sign-in", Vec::new())?;
        Ok(Client { shows: Shows::Key(key), region: told.region, ..stranger })
    }

    fn on(dir: &DataDir, run: RunFile, shows: Shows) -> Result<Client, Failure> {
        let (scheme, place) = run.admin_endpoint.split_once("://").unwrap_or_default();
        let address = place.parse::<SocketAddr>().ok();
        // The token never leaves this machine, whatever the file says.
        let address = address.filter(|address| address.ip().is_loopback());
        let address = address.ok_or_else(|| broken(dir, "run.json names no loopback admin_endpoint"))?;
        let tls = match (scheme, &run.tls_certificate) {
            ("http", None) => None,
            ("https", Some(path)) => Some(trusting(path, Exit::NotRunning)?),
            _ => return Err(broken(dir, "run.json does not say how the admin_endpoint is encrypted")),
        };
        Ok(Client { address, tls, shows, region: run.region, timeout: TIMEOUT })
    }

    /// Waits for hours, if it must.
    pub fn patient(self) -> Client {
        Client { timeout: PATIENT_TIMEOUT, ..self }
    }

    /// Sends one request and reads its JSON answer.
    pub fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> Result<T, Failure> {
        let answer = self.exchange(method, path, body, None)?;
        serde_json::from_slice(&answer)
            .map_err(|error| Failure::new(Exit::Failed, format!("the answer is not understood: {error}")))
    }

    /// Reads a list to its end, page by page.
    pub fn list<T: DeserializeOwned + Paged>(&self, path: &str) -> Result<T, Failure> {
        self.rest(self.call(Method::GET, path, Vec::new())?, path)
    }

    /// The list of which this is the first page.
    pub fn rest<T: DeserializeOwned + Paged>(&self, mut list: T, path: &str) -> Result<T, Failure> {
        while let Some(next) = list.next() {
            let and = if path.contains('?') { '&' } else { '?' };
            let after = format!("{path}{and}after={next}");
            list.add(self.call(Method::GET, &after, Vec::new())?);
        }
        Ok(list)
    }

    /// Sends one request with a document, and reads its JSON answer.
    pub fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, wanted: &impl Serialize) -> Result<T, Failure> {
        self.call(method, path, document(wanted)?)
    }

    /// Sends one request that is answered by nothing.
    pub fn order(&self, method: Method, path: &str) -> Result<(), Failure> {
        self.exchange(method, path, Vec::new(), None).map(drop)
    }

    /// Sends one request with a document that is answered by nothing.
    pub fn tell(&self, method: Method, path: &str, wanted: &impl Serialize) -> Result<(), Failure> {
        self.exchange(method, path, document(wanted)?, None).map(drop)
    }

    /// Reads an answer of any length into `out`.
    pub fn read(&self, path: &str, out: &mut dyn Write) -> Result<(), Failure> {
        self.exchange(Method::GET, path, Vec::new(), Some(out)).map(drop)
    }

    fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        out: Option<&mut dyn Write>,
    ) -> Result<Bytes, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
        let exchange = async { tokio::time::timeout(self.timeout, self.send(method, path, body, out)).await };
        let sent = runtime.block_on(exchange);
        let sent = sent.unwrap_or_else(|_| Err(format!("no answer within {} seconds", self.timeout.as_secs())));
        let (status, answer) = sent.map_err(|why| {
            Failure::new(Exit::NotRunning, format!("the admin API at {} cannot be reached: {why}", self.address))
        })?;
        if status.is_success() {
            return Ok(answer);
        }
        Err(Failure::refused(exit_of(status), problem(status, &answer)))
    }

    fn headers(&self, method: &Method, path: &str, body: &[u8]) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, self.address.to_string().parse().ok()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let authorization = match &self.shows {
            Shows::Nothing => return Some(headers),
            Shows::Token(token) => format!("Bearer {}", token.reveal()),
            Shows::Key(key) => {
                headers.insert("x-amz-date", sigv4::moment(OffsetDateTime::now_utc()).parse().ok()?);
                let (path, query) = path.split_once('?').unwrap_or((path, ""));
                sigv4::sign(&Asked { method: method.as_str(), path, query, body }, &headers, &self.region, key)?
            }
        };
        let mut authorization = HeaderValue::from_str(&authorization).ok()?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        Some(headers)
    }

    async fn connect(&self) -> io::Result<Stream> {
        let tcp = TcpStream::connect(self.address).await?;
        let _ = tcp.set_nodelay(true);
        match &self.tls {
            None => Ok(Stream::Plain(tcp)),
            Some(tls) => tls.connect(tcp).await,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        out: Option<&mut dyn Write>,
    ) -> Result<(StatusCode, Bytes), String> {
        let stream = self.connect().await.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        let headers = self.headers(&method, path, &body).ok_or("the request cannot be signed")?;
        let request = Request::builder().method(method).uri(path).body(Full::new(Bytes::from(body)));
        let mut request = request.map_err(|error| error.to_string())?;
        *request.headers_mut() = headers;
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        if let Some(out) = out.filter(|_| status.is_success()) {
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| error.to_string())?;
                let bytes = frame.into_data().unwrap_or_default();
                out.write_all(&bytes).map_err(|error| error.to_string())?;
            }
            return Ok((status, Bytes::new()));
        }
        let answer = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        Ok((status, answer.map_err(|error| error.to_string())?.to_bytes()))
    }
}

fn document(wanted: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(wanted).map_err(|error| Failure::new(Exit::Failed, format!("cannot ask: {error}")))
}

fn broken(dir: &DataDir, what: &str) -> Failure {
    let why = format!("{what} in `{}`: start Entente again, it is written anew", dir.path().display());
    Failure::new(Exit::NotRunning, why)
}

/// Trusts the certificate that the running Entente was given, and no other.
fn trusting(path: &Path, otherwise: Exit) -> Result<tls::Client, Failure> {
    let pem = std::fs::read(path).map_err(|error| Failure::io(otherwise, "read the certificate", path, &error))?;
    tls::Client::pinned(path, &pem).map_err(|error| Failure::new(otherwise, error.to_string()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// How and where an endpoint on this machine is reached.
fn on_loopback(endpoint: &str) -> Option<(Scheme, SocketAddr)> {
    let (scheme, place) = endpoint.split_once("://")?;
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let place = place.trim_end_matches('/');
    let address: SocketAddr = match place.strip_prefix("localhost:") {
        Some(port) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port.parse().ok()?),
        None => place.parse().ok()?,
    };
    address.ip().is_loopback().then_some((scheme, address))
}

/// What ends a command by what the API answered, in this one place.
fn exit_of(status: StatusCode) -> Exit {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Exit::Usage,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Refused,
        StatusCode::NOT_FOUND => Exit::Absent,
        StatusCode::CONFLICT => Exit::Conflict,
        StatusCode::SERVICE_UNAVAILABLE => Exit::Unavailable,
        _ => Exit::Failed,
    }
}

/// What was refused, as the API said it.
fn problem(status: StatusCode, answer: &[u8]) -> Problem {
    serde_json::from_slice(answer).unwrap_or_else(|_| Problem {
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        detail: unexplained(status, answer),
    })
}

/// An answer that is no document of the API: a line of text is passed on, since a port that speaks TLS says so in one.
fn unexplained(status: StatusCode, answer: &[u8]) -> String {
    match std::str::from_utf8(answer).map(str::trim) {
        Ok(line) if (1..=LINE_BYTES_MAX).contains(&line.len()) && !line.contains(char::is_control) => {
            format!("the admin API answered {status}: {line}")
        }
        _ => format!("the admin API answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_tells_refusals_apart_by_the_exit_code() {
        for (status, exit) in [
            (400, Exit::Usage),
            (401, Exit::Refused),
            (403, Exit::Refused),
            (404, Exit::Absent),
            (409, Exit::Conflict),
            (422, Exit::Usage),
            (500, Exit::Failed),
            (503, Exit::Unavailable),
        ] {
            assert_eq!(exit_of(StatusCode::from_u16(status).unwrap()), exit, "{status}");
        }
    }

    #[test]
    fn an_endpoint_is_one_of_this_machine() {
        let v4 = |port| SocketAddr::from(([127, 0, 0, 1], port));
        for (endpoint, expected) in [
            ("http://127.0.0.1:9002", Some((Scheme::Http, v4(9002)))),
            ("https://127.0.0.1:9002/", Some((Scheme::Https, v4(9002)))),
            ("https://localhost:7", Some((Scheme::Https, v4(7)))),
            ("https://[::1]:7", Some((Scheme::Https, "[::1]:7".parse().unwrap()))),
            ("https://192.0.2.1:9002", None),
            ("https://s3.example.org:9002", None),
            ("https://localhost.example.org:9002", None),
            ("https://127.0.0.1", None),
            ("https://localhost", None),
            ("https://localhost:70000", None),
            ("ftp://127.0.0.1:9002", None),
            ("127.0.0.1:9002", None),
        ] {
            assert_eq!(on_loopback(endpoint), expected, "{endpoint}");
        }
    }

    #[test]
    fn of_an_answer_that_is_no_document_one_line_is_told() {
        let told = |answer: &[u8]| unexplained(StatusCode::BAD_REQUEST, answer);
        assert_eq!(told(b"ask it by https://\r\n"), "the admin API answered 400 Bad Request: ask it by https://");
        for answer in [&b""[..], b"<html>\n<body>", b"\x1b[2J", b"\xff", &[b'x'; LINE_BYTES_MAX + 1]] {
            assert_eq!(told(answer), "the admin API answered 400 Bad Request");
        }
    }
}
