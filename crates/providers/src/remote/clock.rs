//! What time it is at a vendor.

use http::{Method, header};
use object_store::client::{HttpRequest, HttpRequestBody, HttpService};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::{Place, Settings};
use crate::http::Http;

/// Seconds since the Unix epoch by the `Date` of an answer of the site's endpoint; `None` where no answer says.
/// Nothing is proven to the endpoint and nothing is asked of it: a refusal has a date too.
pub async fn clock(settings: &Settings) -> Option<i64> {
    let http = Http::new(&settings.network).ok()?;
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.method_mut() = Method::HEAD;
    *request.uri_mut() = face(&settings.place).parse().ok()?;
    let answer = http.call(request).await.ok()?;
    let date = answer.headers().get(header::DATE)?.to_str().ok()?;
    OffsetDateTime::parse(date, &Rfc2822).ok().map(OffsetDateTime::unix_timestamp)
}

/// Where the endpoint answers, whatever it does.
fn face(place: &Place) -> String {
    let endpoint = match place {
        Place::S3(place) => {
            place.endpoint.clone().unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", place.region))
        }
        Place::Azure(place) => {
            place.endpoint.clone().unwrap_or_else(|| format!("https://{}.blob.core.windows.net", place.account))
        }
        Place::Gcs(place) => place.endpoint.clone().unwrap_or_else(|| "https://storage.googleapis.com".to_owned()),
    };
    format!("{}/", endpoint.trim_end_matches('/'))
}
