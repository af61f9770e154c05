//! Cross-origin rules of a bucket: kept as their document, matched against the `Origin` of a request,
//! and told to browsers, which are the ones that obey them.
//!
//! They allow nothing by themselves: a browser is told that a page may see an answer, and whether
//! there is one is decided as for everybody else.

use http::request::Parts;
use http::{HeaderMap, StatusCode};
use model::{Aspect, BucketName, BucketSetting, Document};
use policy::WriteSettings;
use s3s::xml::{DeError, DeResult, Deserializer, SerResult, Serializer};

use crate::door::{Call, Inner, Settings};
use crate::error::{Code, Failure};
use crate::gate::Crossing;
use crate::response::{self, Answer};
use crate::{headers, xml};

/// Rules of one configuration, as S3 documents.
const RULES_MAX: usize = 100;
const ID_BYTES_MAX: usize = 255;
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];
const ROOT: &str = "CORSConfiguration";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    id: Option<String>,
    headers: Vec<String>,
    methods: Vec<String>,
    origins: Vec<String>,
    exposed: Vec<String>,
    max_age_s: Option<u32>,
}

/// What a matching rule tells a browser.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    origin: String,
    methods: String,
    headers: Option<String>,
    exposed: Option<String>,
    max_age_s: Option<u32>,
}

pub(crate) async fn put(call: &Call<'_>, document: &[u8]) -> Result<Answer, Failure> {
    let rules = parse(document)?;
    let text = String::from_utf8(write(&rules)?.to_vec()).map_err(Failure::internal)?;
    let (_, permit) = call.on_bucket::<WriteSettings>().await?;
    call.engine().set_bucket_setting(permit, BucketSetting::Cors(Document(text))).await?;
    Ok(response::status(StatusCode::OK))
}

pub(crate) async fn get(call: &Call<'_>) -> Result<Answer, Failure> {
    match call.setting(Aspect::Cors).await? {
        BucketSetting::Cors(Document(text)) if !text.is_empty() => Ok(response::written_document(text.into())),
        _ => Err(Code::NoSuchCORSConfiguration.into()),
    }
}

pub(crate) async fn delete(call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, permit) = call.on_bucket::<WriteSettings>().await?;
    call.engine().set_bucket_setting(permit, Aspect::Cors.unset()).await?;
    Ok(response::status(StatusCode::NO_CONTENT))
}

/// Answers a browser that asks before it asks.
pub(crate) async fn preflight(door: &Inner, crossing: Crossing) -> Result<Answer, Failure> {
    let forbidden = |what: &str| Failure::because(Code::AccessForbidden, format!("CORSResponse: {what}"));
    let rules = rules_of(door, &crossing.bucket).await?;
    let rules = rules.ok_or_else(|| forbidden("CORS is not enabled for this bucket."))?;
    let wanted: Vec<&str> = crossing.headers.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let allowed = allowed(&rules, &crossing.origin, &crossing.method, &wanted);
    let allowed = allowed.ok_or_else(|| {
        forbidden(
            "This CORS request is not allowed. This is usually because the evalution of Origin, request method / \
             Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's \
             CORS spec.",
        )
    })?;
    let mut answer = response::status(StatusCode::OK);
    allowed.write(answer.headers_mut());
    Ok(answer)
}

/// Adds what a browser needs to show the answer to the page that asked; the answer of a bucket without
/// rules stays as it is.
pub(crate) async fn tell(door: &Inner, crossing: &Crossing, headers: &mut HeaderMap) {
    // An answer without these headers is never shown to a page: failing to read the rules is safe.
    if let Ok(Some(rules)) = rules_of(door, &crossing.bucket).await
        && let Some(allowed) = allowed(&rules, &crossing.origin, &crossing.method, &[])
    {
        allowed.write(headers);
    }
}

/// How long a browser may remember what the console may ask.
const CONSOLE_MAX_AGE_S: u32 = 600;

/// Whether the console's page asks. Its origin is told the same of every bucket, of those that are not
/// there, and of the service itself: nothing is looked up, so nothing is revealed.
pub(crate) fn of_console(settings: &Settings, given: &HeaderMap) -> bool {
    let mut origins = given.get_all("origin").iter();
    let known = |origin: &http::HeaderValue| {
        origin.to_str().is_ok_and(|origin| settings.console_origins.iter().any(|known| known == origin))
    };
    origins.next().is_some_and(known) && origins.next().is_none()
}

/// Answers the console's browser that asks before it asks; `None` if it is another page's.
pub(crate) fn console_preflight(settings: &Settings, head: &Parts) -> Option<Answer> {
    of_console(settings, &head.headers).then(|| response::status(StatusCode::NO_CONTENT))
}

/// Lets the console's page see an answer. Its requests carry no cookies, and no credentials but those
/// that it puts there itself, so they are not of the kind that needs `Allow-Credentials`.
pub(crate) fn tell_console(given: &HeaderMap, headers: &mut HeaderMap) {
    let origin = headers::get(given, "origin").unwrap_or_default();
    response::set(headers, "access-control-allow-origin", &origin);
    response::set(headers, "access-control-expose-headers", "*");
    if let Some(wanted) = headers::get(given, "access-control-request-headers") {
        response::set(headers, "access-control-allow-headers", &wanted);
    }
    if given.contains_key("access-control-request-method") {
        response::set(headers, "access-control-allow-methods", &METHODS.join(", "));
        response::set(headers, "access-control-max-age", &CONSOLE_MAX_AGE_S.to_string());
    }
    response::set(headers, "vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

/// The rules of a bucket that browsers, which show no credentials at first, can reach.
async fn rules_of(door: &Inner, bucket: &BucketName) -> Result<Option<Vec<Rule>>, Failure> {
    let session = door.engine.anonymous();
    let bucket = door.engine.resolve(&session, bucket).await?.ok_or(Code::NoSuchBucket)?;
    let permit = policy::preflight(&session, &bucket)?;
    match door.engine.cross_origin_rules(permit).await? {
        Document(text) if text.is_empty() => Ok(None),
        Document(text) => parse(text.as_bytes()).map(Some),
    }
}

fn allowed(rules: &[Rule], origin: &str, method: &str, wanted: &[&str]) -> Option<Allowed> {
    let fits = |rule: &&Rule| {
        rule.methods.iter().any(|one| one == method)
            && rule.origins.iter().any(|pattern| matches(pattern, origin))
            && wanted.iter().all(|name| {
                let name = name.to_ascii_lowercase();
                rule.headers.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &name))
            })
    };
    let rule = rules.iter().find(fits)?;
    let any = rule.origins.iter().any(|pattern| pattern == "*");
    let list = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
    Some(Allowed {
        origin: if any { "*".to_owned() } else { origin.to_owned() },
        methods: rule.methods.join(", "),
        headers: (!wanted.is_empty()).then(|| wanted.join(", ")),
        exposed: list(&rule.exposed),
        max_age_s: rule.max_age_s,
    })
}

/// Whether a text is what a pattern with at most one `*` says.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end),
    }
}

impl Allowed {
    fn write(&self, headers: &mut HeaderMap) {
        response::set(headers, "access-control-allow-origin", &self.origin);
        response::set(headers, "access-control-allow-methods", &self.methods);
        if self.origin != "*" {
            response::set(headers, "access-control-allow-credentials", "true");
        }
        let optional = [
            ("access-control-allow-headers", self.headers.clone()),
            ("access-control-expose-headers", self.exposed.clone()),
            ("access-control-max-age", self.max_age_s.map(|seconds| seconds.to_string())),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                response::set(headers, name, &value);
            }
        }
        response::set(headers, "vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    }
}

pub(crate) fn parse(document: &[u8]) -> Result<Vec<Rule>, Failure> {
    let rules = xml::read_with(document, ROOT, |reader| {
        let mut rules = Vec::new();
        reader.for_each_element(|reader, name| match name {
            b"CORSRule" => {
                rules.push(rule(reader)?);
                Ok(())
            }
            _ => Err(DeError::UnexpectedTagName),
        })?;
        Ok(rules)
    })?;
    if rules.is_empty() || rules.len() > RULES_MAX {
        return Err(Code::MalformedXML.into());
    }
    rules.iter().try_for_each(check)?;
    Ok(rules)
}

fn rule(reader: &mut Deserializer<'_>) -> DeResult<Rule> {
    let mut rule = Rule::default();
    reader.for_each_element(|reader, name| {
        match name {
            b"ID" => rule.id = Some(reader.content()?),
            b"AllowedHeader" => rule.headers.push(reader.content()?),
            b"AllowedMethod" => rule.methods.push(reader.content()?),
            b"AllowedOrigin" => rule.origins.push(reader.content()?),
            b"ExposeHeader" => rule.exposed.push(reader.content()?),
            b"MaxAgeSeconds" => {
                let seconds: String = reader.content()?;
                rule.max_age_s = Some(seconds.trim().parse().map_err(|_| DeError::InvalidContent)?);
            }
            _ => return Err(DeError::UnexpectedTagName),
        }
        Ok(())
    })?;
    Ok(rule)
}

fn check(rule: &Rule) -> Result<(), Failure> {
    if rule.methods.is_empty() || rule.origins.is_empty() || rule.id.as_ref().is_some_and(|id| id.len() > ID_BYTES_MAX)
    {
        return Err(Code::MalformedXML.into());
    }
    if let Some(method) = rule.methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
        let message = format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}");
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    let twice = |text: &&String| text.matches('*').count() > 1;
    if let Some(origin) = rule.origins.iter().find(twice) {
        let message = format!("AllowedOrigin \"{origin}\" can not have more than one wildcard.");
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    if let Some(header) = rule.headers.iter().find(twice) {
        let message = format!("AllowedHeader \"{header}\" can not have more than one wildcard.");
        return Err(Failure::because(Code::InvalidRequest, message));
    }
    let told = rule.origins.iter().chain(&rule.methods).chain(&rule.exposed).chain(&rule.headers);
    match told.into_iter().all(|text| http::HeaderValue::from_str(text).is_ok()) {
        true => Ok(()),
        false => Err(Code::MalformedXML.into()),
    }
}

fn write(rules: &[Rule]) -> Result<bytes::Bytes, Failure> {
    xml::write_with(ROOT, |writer| {
        rules.iter().try_for_each(|rule| writer.element("CORSRule", |out| write_rule(rule, out)))
    })
}

fn write_rule<W: std::io::Write>(rule: &Rule, out: &mut Serializer<W>) -> SerResult {
    if let Some(id) = &rule.id {
        out.content("ID", id)?;
    }
    for (name, values) in [
        ("AllowedHeader", &rule.headers),
        ("AllowedMethod", &rule.methods),
        ("AllowedOrigin", &rule.origins),
        ("ExposeHeader", &rule.exposed),
    ] {
        values.iter().try_for_each(|value| out.content(name, value))?;
    }
    match rule.max_age_s {
        Some(seconds) => out.content("MaxAgeSeconds", &seconds.to_string()),
        None => Ok(()),
    }
}

/// The crossing that a head asks for, if it names an origin: what a browser adds by itself.
pub(crate) fn crossing(bucket: Option<&BucketName>, method: &http::Method, given: &HeaderMap) -> Option<Crossing> {
    Some(Crossing {
        bucket: bucket?.clone(),
        origin: headers::get(given, "origin")?,
        method: headers::get(given, "access-control-request-method").unwrap_or_else(|| method.to_string()),
        headers: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(rules: &str) -> String {
        format!("<{ROOT}>{rules}</{ROOT}>")
    }

    const RULES: &str = "<CORSRule><ID>one</ID><AllowedHeader>x-amz-*</AllowedHeader><AllowedMethod>GET</AllowedMethod>\
        <AllowedMethod>PUT</AllowedMethod><AllowedOrigin>https://*.example.org</AllowedOrigin>\
        <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule>\
        <CORSRule><AllowedMethod>HEAD</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>";

    #[test]
    fn rules_come_back_as_they_were_put() {
        let rules = parse(document(RULES).as_bytes()).unwrap();
        let written = write(&rules).unwrap();
        assert!(String::from_utf8_lossy(&written).contains(RULES), "{written:?}");
        assert_eq!(parse(&written).unwrap(), rules);
    }

    #[test]
    fn the_first_rule_that_fits_is_told() {
        let rules = parse(document(RULES).as_bytes()).unwrap();
        let check = |origin: &str, method: &str, headers: &[&str]| {
            allowed(&rules, origin, method, headers).map(|allowed| (allowed.origin, allowed.methods))
        };
        let first = |origin: &str| Some((origin.to_owned(), "GET, PUT".to_owned()));
        assert_eq!(check("https://a.example.org", "GET", &[]), first("https://a.example.org"));
        assert_eq!(check("https://.example.org", "PUT", &["X-Amz-Date"]), first("https://.example.org"));
        assert_eq!(check("anywhere", "HEAD", &[]), Some(("*".to_owned(), "HEAD".to_owned())));
        for (origin, method, headers) in [
            ("https://example.org", "GET", &[][..]),
            ("https://a.example.org.evil", "GET", &[]),
            ("https://a.example.org", "DELETE", &[]),
            ("https://a.example.org", "GET", &["authorization"]),
            ("anywhere", "HEAD", &["x-amz-date"]),
        ] {
            assert_eq!(check(origin, method, headers), None, "{origin} {method}");
        }
    }

    #[test]
    fn rules_that_could_not_be_kept_are_refused() {
        let one = |inner: &str| document(&format!("<CORSRule>{inner}</CORSRule>"));
        let origin = "<AllowedOrigin>*</AllowedOrigin>";
        for (text, expected) in [
            (document(""), Code::MalformedXML),
            (one(origin), Code::MalformedXML),
            (one("<AllowedMethod>GET</AllowedMethod>"), Code::MalformedXML),
            (one(&format!("<AllowedMethod>GET</AllowedMethod>{origin}<Other/>")), Code::MalformedXML),
            (one(&format!("<AllowedMethod>PATCH</AllowedMethod>{origin}")), Code::InvalidRequest),
            (one("<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*.*</AllowedOrigin>"), Code::InvalidRequest),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().code(), expected, "{text}");
        }
    }
}
