//! Who gets in: requests that name this address as their host and show the admin token.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, StatusCode};

use super::Admin;
use super::problem::Problem;

/// The middleware before every route.
pub async fn pass(admin: Arc<Admin>, port: u16, request: Request, next: Next) -> Response {
    let matches = |offered: &str| admin.token.matches(offered, &admin.blind);
    match check(request.headers(), port, matches) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// A page in a browser whose name was made to point here (DNS rebinding) still says its own name
/// in `Host`: it is refused before its token is looked at.
fn check(headers: &HeaderMap, port: u16, matches: impl Fn(&str) -> bool) -> Result<(), Problem> {
    if !only(headers, &HOST).is_some_and(|host| is_here(host, port)) {
        let why = "the host of the request is not the address this API listens on: use its admin_endpoint";
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, why));
    }
    let token = only(headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    if !token.is_some_and(matches) {
        let why = "show the token from the file admin.token as `Authorization: Bearer TOKEN`";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, why));
    }
    Ok(())
}

/// The value of a header that stands exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok()).flatten()
}

/// Is this `Host` one of loopback's own names, with our port?
fn is_here(host: &str, port: u16) -> bool {
    let Some((name, named_port)) = host.rsplit_once(':') else { return false };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let loopback = address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    named_port.parse() == Ok(port) && (loopback || name == "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(lines: &[(&'static str, &'static str)]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        check(&headers, 77, |offered| offered == "token").err().map(|problem| problem.status.as_u16())
    }

    #[test]
    fn only_the_token_at_this_very_address_gets_in() {
        let good = ("authorization", "Bearer token");
        let table: [(&[(&str, &str)], _); 13] = [
            (&[("host", "127.0.0.1:77"), good], None),
            (&[("host", "localhost:77"), good], None),
            (&[("host", "[::1]:77"), good], None),
            (&[("host", "127.0.0.1:78"), good], Some(421)),
            (&[("host", "127.0.0.1"), good], Some(421)),
            (&[("host", "evil.example:77"), good], Some(421)),
            (&[("host", "127.0.0.1.evil.example:77"), good], Some(421)),
            (&[("host", "127.0.0.1:77"), ("host", "evil.example:77"), good], Some(421)),
            (&[good], Some(421)),
            (&[("host", "127.0.0.1:77")], Some(401)),
            (&[("host", "127.0.0.1:77"), ("authorization", "Bearer Token")], Some(401)),
            (&[("host", "127.0.0.1:77"), ("authorization", "Basic token")], Some(401)),
            (&[("host", "127.0.0.1:77"), good, good], Some(401)),
        ];
        for (headers, expected) in table {
            assert_eq!(verdict(headers), expected, "{headers:?}");
        }
    }
}
