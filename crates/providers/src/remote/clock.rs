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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::super::{AzurePlace, Credentials, GcsPlace};
    use super::*;
    use crate::http::Network;

    fn gcs(endpoint: Option<String>) -> Place {
        Place::Gcs(GcsPlace { bucket: "tea".to_owned(), endpoint })
    }

    /// What is read off an endpoint that answers so.
    async fn told(answer: &'static str) -> Option<i64> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut head, mut more) = (Vec::new(), [0; 1024]);
            while !head.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut more).unwrap();
                head.extend_from_slice(more.get(..read).unwrap());
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(head).unwrap().to_lowercase()
        });
        let (place, network) = (gcs(Some(endpoint)), Network::default());
        let settings = Settings { place, prefix: String::new(), credentials: Credentials::Anonymous, network };
        let told = clock(&settings).await;
        let head = asked.join().unwrap();
        assert!(head.starts_with("head / ") && !head.contains("authorization"), "{head}");
        told
    }

    #[tokio::test]
    async fn the_time_is_that_of_any_answer_with_a_date() {
        const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        for (answer, time) in [
            (REFUSED, Some(784_111_777)),
            ("HTTP/1.1 200 OK\r\ndate: yesterday\r\n", None),
            ("HTTP/1.1 200 OK\r\n", None),
        ] {
            let answer = format!("{answer}content-length: 0\r\nconnection: close\r\n\r\n");
            assert_eq!(told(answer.leak()).await, time);
        }
    }

    #[tokio::test]
    async fn nobody_who_answers_tells_no_time() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (place, network) = (gcs(Some(format!("http://{closed}"))), Network::default());
        let settings = Settings { place, prefix: String::new(), credentials: Credentials::Anonymous, network };
        assert_eq!(clock(&settings).await, None);
    }

    #[test]
    fn a_vendor_that_names_no_endpoint_is_asked_at_its_public_one() {
        let azure =
            |endpoint| Place::Azure(AzurePlace { account: "hall".to_owned(), container: "tea".to_owned(), endpoint });
        for (place, asked) in [
            (gcs(None), "https://storage.googleapis.com/"),
            (azure(None), "https://hall.blob.core.windows.net/"),
            (azure(Some("http://127.0.0.1:1/hall/".to_owned())), "http://127.0.0.1:1/hall/"),
        ] {
            assert_eq!(face(&place), asked);
        }
    }
}
