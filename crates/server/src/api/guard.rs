//! Who gets in, and as whom: requests that name this address as their host, and either show the admin
//! token or are signed with an access key. What each may do is [`policy::duty`].

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use engine::Meant;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, StatusCode};
use model::{AccessKeyId, BucketName, Label, PrincipalId, Role, Session, Timestamp};
use policy::duty::{Duty, may};
use policy::{Refusal, Standing};
use time::OffsetDateTime;

use super::document::{self, Routes, Whose};
use super::problem::Problem;
use super::{Admin, BODY_BYTES_MAX};
use crate::sigv4::{Asked, Claim};

/// Who asks, as far as it was proven.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Whoever can read the token's file: runs the machine this runs on.
    Operator,
    /// Whoever has the secret of an access key.
    Person(Session),
}

impl Caller {
    /// A session of a key has one.
    pub fn role(&self) -> Option<Role> {
        match self {
            Caller::Operator => Some(Role::PlatformOperator),
            Caller::Person(session) => session.role,
        }
    }

    /// Where they may look: what lies above is not there.
    pub fn label(&self, admin: &Admin) -> Label {
        match self {
            Caller::Operator => admin.accreditation.range.high(),
            Caller::Person(session) => session.label,
        }
    }

    /// The bucket of this name among those that they may know of.
    pub fn meant<'a>(&self, admin: &Admin, name: &'a BucketName) -> Meant<'a> {
        Meant { name, highest: self.label(admin) }
    }

    /// Whether nothing in the enclave lies above them. What is said of all labels together is told to nobody
    /// else: by its changes it would tell of what lies above.
    pub fn sees_all(&self, admin: &Admin) -> bool {
        admin.accreditation.range.high() <= self.label(admin)
    }

    /// That nothing in the enclave lies above them, of a handler whose answer is of everything together.
    pub fn whole(&self, admin: &Admin) -> Result<(), Problem> {
        match self.sees_all(admin) {
            true => Ok(()),
            false => {
                let why = "this is of everything in the enclave together, and something may lie above your key: \
                           sign with a key at the highest label";
                Err(Problem::new(StatusCode::FORBIDDEN, why))
            }
        }
    }

    /// What they showed: whoever shows the same is the same caller.
    pub fn proof(&self) -> String {
        match self {
            Caller::Operator => "the admin token".to_owned(),
            Caller::Person(session) => session.access_key.as_ref().map_or_else(String::new, |key| key.0.clone()),
        }
    }

    /// The one who asks, by a key.
    pub fn person(&self) -> Result<&Session, Problem> {
        match self {
            Caller::Person(session) => Ok(session),
            Caller::Operator => {
                Err(Problem::new(StatusCode::FORBIDDEN, "the admin token is nobody in particular: sign with a key"))
            }
        }
    }

    pub fn principal(&self) -> Option<PrincipalId> {
        match self {
            Caller::Operator => None,
            Caller::Person(session) => Some(session.principal),
        }
    }

    /// Of a handler that looks closer than its route.
    pub fn may(&self, duty: Duty) -> bool {
        self.role().is_some_and(|role| may(role, duty))
    }
}

/// Routes of the duty, with whose they are said in the document: no handler is reached without it.
pub fn on(duty: Duty, routes: Routes) -> Routes {
    let (schemas, paths, methods) = document::completed(routes, Whose::Of(duty));
    (schemas, paths, only_on(duty, methods))
}

/// Routes of every caller who showed who they are.
pub fn for_callers(routes: Routes) -> Routes {
    document::completed(routes, Whose::AnyCaller)
}

/// Handlers of the duty.
fn only_on(duty: Duty, methods: MethodRouter<Arc<Admin>>) -> MethodRouter<Arc<Admin>> {
    methods.route_layer(middleware::from_fn(
        move |Extension(caller): Extension<Caller>, request: Request, next: Next| async move {
            if caller.may(duty) {
                return next.run(request).await;
            }
            let whose: Vec<&str> = duty.roles().iter().map(|role| role.name()).collect();
            let (whose, role) = (whose.join(", "), caller.role().map_or("nobody", Role::name));
            let why = format!("this is the duty of {whose}, and you are {role}: sign with a key of one (--as FILE)");
            Problem::new(StatusCode::FORBIDDEN, why).into_response()
        },
    ))
}

/// The one path that asks for no proof: it says how to sign in.
pub const OPEN: &str = "/api/v1/sign-in";

/// No answer is kept by a browser, and none is ever a page.
pub async fn keep_to_the_caller(mut response: Response) -> Response {
    let told = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in told {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The middleware before every route.
pub async fn pass(admin: Arc<Admin>, port: u16, request: Request, next: Next) -> Response {
    if let Err(problem) = check_host(request.headers(), port) {
        return problem.into_response();
    }
    if request.uri().path() == OPEN {
        return next.run(request).await;
    }
    match identify(&admin, request).await {
        Ok((caller, mut request)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn identify(admin: &Admin, request: Request) -> Result<(Caller, Request), Problem> {
    let unknown = || {
        let why = "show the token from the file admin.token as `Authorization: Bearer TOKEN`, or sign the request \
                   with an access key (AWS Signature Version 4, service `entente`)";
        Problem::new(StatusCode::UNAUTHORIZED, why)
    };
    let shown = only(request.headers(), &AUTHORIZATION).ok_or_else(unknown)?;
    if let Some(token) = shown.strip_prefix("Bearer ") {
        return match admin.token.matches(token, &admin.blind) {
            true => Ok((Caller::Operator, request)),
            false => Err(unknown()),
        };
    }
    let claim = Claim::parse(shown).ok_or_else(unknown)?;
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await;
    let body = body.map_err(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body has more than {BODY_BYTES_MAX} bytes: no document of this API is as long"),
        )
    })?;
    let credential = admin.engine.credential(&AccessKeyId(claim.access_key.clone())).await?.ok_or_else(unknown)?;
    let asked = Asked {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        body: &body,
    };
    let now = admin.clock.now();
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(now.0) * 1_000_000).map_err(|_| unknown())?;
    if !claim.holds(&asked, &head.headers, &admin.region, &credential.secret, at) {
        let why = "the signature does not match: look at the secret key, the region and your clock";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, why));
    }
    holds(&credential.standing, &credential.session.label, now)
        .map_err(|refusal| Problem::new(StatusCode::FORBIDDEN, refusal.to_string()))?;
    Ok((Caller::Person(credential.session), Request::from_parts(head, Body::from(body))))
}

/// Whether whoever proved something a while ago could prove it now: what goes on for long asks again.
pub async fn still_holds(admin: &Admin, caller: &Caller) -> bool {
    let Caller::Person(session) = caller else { return true };
    let Some(key) = &session.access_key else { return false };
    let Ok(Some(credential)) = admin.engine.credential(key).await else { return false };
    credential.session.label == session.label
        && credential.session.role == session.role
        && holds(&credential.standing, &session.label, admin.clock.now()).is_ok()
}

/// Whether a key may be used now. Nobody else than this machine connects here.
fn holds(standing: &Standing, label: &Label, now: Timestamp) -> Result<(), Refusal> {
    policy::may_use(standing, label, now, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)))
}

/// A page in a browser whose name was made to point here (DNS rebinding) still says its own name
/// in `Host`: it is refused before its token is looked at.
fn check_host(headers: &HeaderMap, port: u16) -> Result<(), Problem> {
    match named_here(headers, port) {
        true => Ok(()),
        false => {
            let why = "the host of the request is not the address this API listens on: use its admin_endpoint";
            Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, why))
        }
    }
}

/// Whether a request names this port of this machine as its host.
pub fn named_here(headers: &HeaderMap, port: u16) -> bool {
    only(headers, &HOST).is_some_and(|host| is_here(host, port))
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

    #[test]
    fn only_this_very_address_is_a_host() {
        let table: [(&[&str], bool); 8] = [
            (&["127.0.0.1:77"], true),
            (&["localhost:77"], true),
            (&["[::1]:77"], true),
            (&["127.0.0.1:78"], false),
            (&["127.0.0.1"], false),
            (&["evil.example:77"], false),
            (&["127.0.0.1.evil.example:77"], false),
            (&["127.0.0.1:77", "evil.example:77"], false),
        ];
        for (hosts, expected) in table {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append("host", host.parse().unwrap());
            }
            assert_eq!(check_host(&headers, 77).is_ok(), expected, "{hosts:?}");
        }
        assert!(check_host(&HeaderMap::new(), 77).is_err());
    }
}
