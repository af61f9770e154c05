//! The control port: switches the site's state and tells its counts.
//!
//! | request | does |
//! |---|---|
//! | `GET /state` | the fault and the counts |
//! | `PUT /fault` | sets the fault, such as `{"fault":"slow-down","share":0.5}` |
//! | `PUT /latency` | draws latencies: `{"samples":"far-euc1.csv","scale":1.0}`, or `null` for none |
//! | `PUT /moment` | what is written from now on is not in yesterday's listing |
//! | `DELETE /counts` | sets the counts to zero |

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use crate::fault::Fault;
use crate::latency::Samples;
use crate::site::{Site, locked};

pub async fn accept(control: TcpListener, site: Arc<Site>) -> Result<()> {
    loop {
        let (stream, _) = control.accept().await.context("the control port broke")?;
        let site = Arc::clone(&site);
        let service = hyper::service::service_fn(move |request| {
            let site = Arc::clone(&site);
            async move { Ok::<_, Infallible>(answer(&site, request).await) }
        });
        tokio::spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(site: &Site, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, text) = match order(site, request).await {
        Ok(answer) => (StatusCode::OK, answer.to_string()),
        Err(error) => (StatusCode::BAD_REQUEST, json!({"error": format!("{error:#}")}).to_string()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    samples: PathBuf,
    #[serde(default = "as_measured")]
    scale: f64,
}

fn as_measured() -> f64 {
    1.0
}

async fn order(site: &Site, request: Request<Incoming>) -> Result<serde_json::Value> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    match (head.method.as_str(), head.uri.path()) {
        ("GET", "/state") => return Ok(json!({"fault": site.fault(), "counts": site.counts.to_json()})),
        ("PUT", "/fault") => site.set_fault(serde_json::from_slice::<Fault>(&body).context("not a fault")?),
        ("PUT", "/latency") => {
            let wanted: Option<Latency> = serde_json::from_slice(&body).context("not a table of latencies")?;
            site.set_latency(wanted.map(|wanted| Samples::load(&wanted.samples, wanted.scale)).transpose()?);
        }
        ("PUT", "/moment") => locked(&site.listings).moment(),
        ("DELETE", "/counts") => site.counts.reset(),
        (method, path) => {
            bail!("`{method} {path}` is none of GET /state, PUT /fault, /latency, /moment, DELETE /counts")
        }
    }
    Ok(json!({}))
}
