//! TLS under an authority of one's own, and proxies, against servers that answer "ok".
//!
//! The certificates in `tests/` are for `localhost` and 127.0.0.1, were made for these tests and are
//! valid for a hundred years; the authority's key was thrown away.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use object_store::client::{HttpRequest, HttpRequestBody};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;

/// First lines of requests, in the order in which they came; one list a connection.
type Seen = Arc<Mutex<Vec<Vec<String>>>>;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/tests").join(name)
}

fn acceptor() -> TlsAcceptor {
    let chain = authorities(&file("leaf.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("leaf.key.pem")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(text).unwrap().lines().next().map(str::to_owned)
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, seen: Seen) {
    let place = {
        let mut seen = seen.lock().unwrap();
        seen.push(Vec::new());
        seen.len() - 1
    };
    while let Some(line) = head(&mut stream).await {
        seen.lock().unwrap()[place].push(line);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    }
}

/// A server on a free port, with TLS or without.
async fn server(tls: Option<TlsAcceptor>) -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Seen::default());
    let told = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (tls, seen) = (tls.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                match tls {
                    None => answer(tcp, seen).await,
                    // A client that does not trust us leaves in the middle.
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(tcp).await {
                            answer(stream, seen).await;
                        }
                    }
                }
            });
        }
    });
    (port, told)
}

/// A proxy that tunnels to wherever it is told, or refuses to.
async fn proxy_that(allows: bool) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (format!("http://{}", listener.local_addr().unwrap()), Seen::default());
    let told = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let line = head(&mut tcp).await.unwrap();
            let target = line.split(' ').nth(1).unwrap().to_owned();
            seen.lock().unwrap().push(vec![line]);
            if !allows {
                tcp.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
                continue;
            }
            tcp.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
            let mut onward = TcpStream::connect(target).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut tcp, &mut onward).await });
        }
    });
    (address, told)
}

async fn get(http: &Http, url: &str) -> Result<String, HttpError> {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = url.parse().unwrap();
    let bytes = http.call(request).await?.into_body().bytes().await?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

fn network(proxy: Option<String>, ca: Option<&str>) -> Http {
    Http::new(&Network { proxy, ca_file: ca.map(file) }).unwrap()
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_it_is_named_and_only_then() {
    let (port, _) = server(Some(acceptor())).await;
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{port}/");
        assert_eq!(get(&network(None, Some("ca.pem")), &url).await.unwrap(), "ok");
        let error = get(&network(None, None), &url).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Connect, "{error}");
    }
}

#[tokio::test]
async fn requests_one_after_another_share_a_connection() {
    let (port, seen) = server(None).await;
    let http = network(None, None);
    for _ in 0..3 {
        get(&http, &format!("http://127.0.0.1:{port}/a")).await.unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), [["GET /a HTTP/1.1"; 3]]);
}

#[tokio::test]
async fn a_proxy_is_told_the_whole_address_and_tunnels_what_is_encrypted() {
    let (plain, seen) = server(None).await;
    // To a server without TLS the proxy is spoken to as if it were the server.
    let http = network(Some(format!("http://127.0.0.1:{plain}")), None);
    assert_eq!(get(&http, "http://vendor.example.org/a").await.unwrap(), "ok");
    assert_eq!(*seen.lock().unwrap(), [["GET http://vendor.example.org/a HTTP/1.1"]]);

    let (port, _) = server(Some(acceptor())).await;
    let (address, seen) = proxy_that(true).await;
    let url = format!("https://localhost:{port}/a");
    assert_eq!(get(&network(Some(address), Some("ca.pem")), &url).await.unwrap(), "ok");
    assert_eq!(*seen.lock().unwrap(), [[format!("CONNECT localhost:{port} HTTP/1.1")]]);

    let (address, _) = proxy_that(false).await;
    let error = get(&network(Some(address), Some("ca.pem")), &url).await.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Connect);
}

#[test]
fn a_proxy_is_a_plain_address() {
    for good in ["http://proxy:3128", "http://127.0.0.1:1/", "http://proxy.example.org"] {
        assert!(proxy(good).is_ok(), "{good}");
    }
    for bad in ["proxy:3128", "https://proxy", "socks5://proxy", "http://proxy/path", "http://me:pass@proxy", ""] {
        assert!(proxy(bad).is_err(), "{bad}");
    }
}

#[test]
fn authorities_that_are_none_are_refused() {
    let scratch = crate::world::Scratch::new();
    let path = scratch.path().join("ca.pem");
    assert!(authorities(&path).is_err(), "no file");
    fs::write(&path, "no certificate").unwrap();
    let error = authorities(&path).unwrap_err().to_string();
    assert!(error.contains("ca.pem") && error.contains("no certificate"), "{error}");
}
