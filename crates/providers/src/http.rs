//! HTTP to the vendors: one pooled client per site, over TCP or TLS, straight or through a proxy.
//!
//! It is also what `object_store`'s credential providers fetch their tokens with. Requests are not
//! repeated here and have no deadline of their own, except for connecting: both are the work of the
//! decorators.

mod connect;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, fs};

use async_trait::async_trait;
use http::Uri;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use thiserror::Error;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use self::connect::Connector;

/// A connection unused for longer is closed by us, before the other side closes it under a request.
/// The shortest patience met is five seconds.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// Unused connections kept to one site: what a burst of small pieces needs at once.
const IDLE_CONNECTIONS_MAX: usize = 64;

/// How a site's endpoint is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// `http://HOST:PORT` of a proxy that every request to the vendor goes through.
    pub proxy: Option<String>,
    /// A PEM file of certificate authorities that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
}

/// A network that cannot be used as it is set.
#[derive(Debug, Error)]
pub enum NetworkError {
    #[error("`{0}` is no proxy: write one such as `http://proxy.example.org:3128`")]
    BadProxy(String),
    #[error("the certificate authorities in `{path}` cannot be read: {reason}")]
    BadAuthority { path: String, reason: String },
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

/// The client of one site; clones share its connections.
#[derive(Clone)]
pub struct Http {
    client: legacy::Client<Connector, HttpRequestBody>,
}

impl Http {
    pub fn new(network: &Network) -> Result<Http, NetworkError> {
        let proxy = network.proxy.as_deref().map(proxy).transpose()?;
        let tls = Arc::new(tls(network.ca_file.as_deref())?);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(Connector::new(proxy, tls));
        Ok(Http { client })
    }
}

fn proxy(text: &str) -> Result<Uri, NetworkError> {
    let bad = || NetworkError::BadProxy(text.to_owned());
    let uri: Uri = text.parse().map_err(|_| bad())?;
    let plain = matches!(uri.path(), "" | "/") && uri.authority().is_some_and(|whom| !whom.as_str().contains('@'));
    (uri.scheme_str() == Some("http") && plain).then_some(uri).ok_or_else(bad)
}

/// Trusts the system's authorities and those of `ca_file`. A system without any is no error: an
/// endpoint without TLS needs none, and one with TLS says so itself.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, NetworkError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for authority in ca_file.map(authorities).transpose()?.unwrap_or_default() {
        roots.add(authority)?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth())
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetworkError> {
    let bad = |reason: String| NetworkError::BadAuthority { path: path.display().to_string(), reason };
    let text = fs::read(path).map_err(|error| bad(error.to_string()))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|error| bad(error.to_string()))?;
    if all.is_empty() { Err(bad("there is no certificate in it".to_owned())) } else { Ok(all) }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

#[async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.client.request(request).await.map_err(|error| {
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
            HttpError::new(kind, error)
        })?;
        let (parts, body) = response.into_parts();
        let body = http_body_util::BodyExt::map_err(body, |error| HttpError::new(HttpErrorKind::Interrupted, error));
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}

impl HttpConnector for Http {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[cfg(test)]
mod tests;
