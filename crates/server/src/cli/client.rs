//! A small HTTP client for `/api/v1` of the Entente that runs on a data directory.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::api::wire::Problem;
use crate::args::PlaceArgs;
use crate::config;
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::run_file::RunFile;
use crate::token::Token;

/// Long enough for a start that is still replaying, short enough for a person.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Far above the longest answer.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Of what lists a whole bucket somewhere else: millions of keys take a while.
const PATIENT_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

/// The way to one running Entente.
pub struct Client {
    address: SocketAddr,
    token: Token,
    timeout: Duration,
}

impl Client {
    /// The one that runs on the data directory the command line means.
    pub fn of(place: &PlaceArgs) -> Result<Client, Failure> {
        Client::on(&config::data_dir(place)?)
    }

    fn on(dir: &DataDir) -> Result<Client, Failure> {
        let run = RunFile::of_running(dir)?;
        let broken = |what: &str| {
            let why = format!("{what} in `{}`: start Entente again, it is written anew", dir.path().display());
            Failure::new(Exit::NotRunning, why)
        };
        let address = run.admin_endpoint.strip_prefix("http://").and_then(|text| text.parse::<SocketAddr>().ok());
        // The token never leaves this machine, whatever the file says.
        let address = address.filter(|address| address.ip().is_loopback());
        let address = address.ok_or_else(|| broken("run.json names no loopback admin_endpoint"))?;
        let token = Token::load(dir)?.ok_or_else(|| broken("there is no admin.token"))?;
        Ok(Client { address, token, timeout: TIMEOUT })
    }

    /// Waits for hours, if it must.
    pub fn patient(self) -> Client {
        Client { timeout: PATIENT_TIMEOUT, ..self }
    }

    /// Sends one request and reads its JSON answer.
    pub fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> Result<T, Failure> {
        let answer = self.exchange(method, path, body)?;
        serde_json::from_slice(&answer)
            .map_err(|error| Failure::new(Exit::Failed, format!("the answer is not understood: {error}")))
    }

    /// Sends one request that is answered by nothing.
    pub fn order(&self, method: Method, path: &str) -> Result<(), Failure> {
        self.tell(method, path, Vec::new())
    }

    /// Sends one request with a document that is answered by nothing.
    pub fn tell(&self, method: Method, path: &str, body: Vec<u8>) -> Result<(), Failure> {
        self.exchange(method, path, body).map(drop)
    }

    fn exchange(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
        let exchange = async { tokio::time::timeout(self.timeout, self.send(method, path, body)).await };
        let sent = runtime.block_on(exchange);
        let sent = sent.unwrap_or_else(|_| Err(format!("no answer within {} seconds", self.timeout.as_secs())));
        let (status, answer) = sent.map_err(|why| {
            Failure::new(Exit::NotRunning, format!("the admin API at {} cannot be reached: {why}", self.address))
        })?;
        if status.is_success() {
            return Ok(answer);
        }
        let detail = serde_json::from_slice::<Problem>(&answer)
            .map_or_else(|_| format!("the admin API answered {status}"), |problem| problem.detail);
        Err(Failure::new(Exit::Failed, detail))
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<(StatusCode, Bytes), String> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        let _ = stream.set_nodelay(true);
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.token.reveal()))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let answer = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        Ok((status, answer.map_err(|error| error.to_string())?.to_bytes()))
    }
}
