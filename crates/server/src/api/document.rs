//! The document of the API: OpenAPI 3.1, written from the routes themselves, so that it says what there is.

use std::sync::Arc;

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use policy::duty::Duty;
use utoipa::OpenApi;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{self, Content, Header, Ref, RefOr, Required, ResponseBuilder};
use utoipa_axum::router::UtoipaMethodRouter;

use super::{Admin, wire};

/// Handlers of one path, with what is said of them.
pub type Routes = UtoipaMethodRouter<Arc<Admin>>;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Entente",
        description = "How operators, officers and the console reach a running Entente. Each route is somebody's duty. \
                       What lies above the caller's label is absent: the same answer as for what does not exist; sums \
                       over all labels are told to those alone above whom nothing lies.\n\nLists come page by page: \
                       `limit` and `after`, and `next` in the answer. Documents have an `ETag`. A `POST` with an \
                       `Idempotency-Key` is carried out once: its answer is remembered for 24 hours by the access \
                       key that signed it, in memory, so that a restart forgets it.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(wire::Problem)),
    security(("token" = []), ("signature" = []))
)]
struct About;

/// What is said of the API as a whole.
pub fn about() -> openapi::OpenApi {
    let mut about = About::openapi();
    about.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let token = token.description(Some("The token of the file `admin.token`: whoever runs the machine."));
    let signature = "AWS Signature Version 4 for the service `entente`, with at least `host` and `x-amz-date` signed.";
    let signature = ApiKey::Header(ApiKeyValue::with_description("Authorization", signature));
    if let Some(components) = &mut about.components {
        components.add_security_scheme("token", SecurityScheme::Http(token.build()));
        components.add_security_scheme("signature", SecurityScheme::ApiKey(signature));
    }
    about
}

/// Whose a route is.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    Of(Duty),
    /// Of everybody who shows who they are.
    AnyCaller,
    /// Of everybody.
    Anybody,
}

impl Whose {
    fn words(self) -> String {
        match self {
            Whose::Of(duty) => {
                let roles: Vec<&str> = duty.roles().iter().map(|role| role.name()).collect();
                format!("The duty `{}`, of: {}.", duty.name(), roles.join(", "))
            }
            Whose::AnyCaller => "For every caller who shows who they are.".to_owned(),
            Whose::Anybody => "For everybody: no proof is asked for.".to_owned(),
        }
    }
}

/// Says of each operation what is the same for all: whose it is, how it is refused, what it may carry.
pub fn completed((schemas, mut paths, methods): Routes, whose: Whose) -> Routes {
    for (path, item) in &mut paths.paths {
        for (method, operation) in operations(item) {
            complete(path, &method, operation, whose);
        }
    }
    (schemas, paths, methods)
}

fn operations(item: &mut PathItem) -> Vec<(HttpMethod, &mut Operation)> {
    let all = [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Delete, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?))).collect()
}

/// The operations of a path by their methods, in capitals.
#[cfg(test)]
pub fn told(item: &PathItem) -> Vec<(&'static str, &Operation)> {
    let all = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?))).collect()
}

const fn name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "get",
        HttpMethod::Post => "post",
        HttpMethod::Put => "put",
        HttpMethod::Patch => "patch",
        HttpMethod::Delete => "delete",
        HttpMethod::Options => "options",
        HttpMethod::Head => "head",
        HttpMethod::Trace => "trace",
    }
}

fn complete(path: &str, method: &HttpMethod, operation: &mut Operation, whose: Whose) {
    let parts: Vec<&str> = path.trim_start_matches("/api/v1").split(['/', '{', '}', '.', '-']).collect();
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    operation.operation_id = Some(format!("{}_{}", name(method), parts.join("_")));
    operation.tags = Some(parts.first().map(|tag| (*tag).to_owned()).into_iter().collect());
    let said = operation.description.take().map_or_else(String::new, |said| format!("{said}\n\n"));
    operation.description = Some(said + &whose.words());
    if matches!(whose, Whose::Anybody) {
        operation.security = Some(vec![SecurityRequirement::default()]);
    }
    let takes_body = operation.request_body.is_some();
    let is_document = is_document(operation);
    let parameters = operation.parameters.get_or_insert_default();
    let named = parameters.iter().any(|parameter| parameter.parameter_in == ParameterIn::Path);
    let asked = parameters.iter().any(|parameter| parameter.parameter_in == ParameterIn::Query);
    let mut refusals = vec![(421, "The host of the request is not the address of this API.")];
    if !matches!(whose, Whose::Anybody) {
        refusals.push((401, "Nobody known asks."));
        refusals.push((403, "It is somebody else's duty, or beyond the caller's label."));
        refusals.push((503, "Not now: too few sites answer, or too much is asked at once."));
    }
    if takes_body || named || asked {
        refusals.push((400, "It makes no sense as it is asked."));
    }
    if !matches!(method, HttpMethod::Get) {
        refusals.push((412, "The request has an If-Match: changes leave alone what they do not name, and take none."));
    }
    match method {
        HttpMethod::Post => {
            // Nothing but visible characters.
            let key = text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$"));
            parameters.push(header("Idempotency-Key", "Carried out once in 24 hours under this key.", key));
            refusals.push((400, "It makes no sense as it is asked."));
            refusals.push((409, "Not as things stand now."));
            refusals.push((413, "The body is too large."));
            refusals.push((422, "The document is not of this kind, or the Idempotency-Key came with another request."));
        }
        HttpMethod::Get if is_document => {
            // What is no tag of ours is one that nobody has.
            parameters.push(header("If-None-Match", "The `ETag` of the document that the caller has.", text()));
            let unchanged = ResponseBuilder::new().description("The caller has it already.").build();
            operation.responses.responses.entry("304".to_owned()).or_insert(RefOr::T(unchanged));
        }
        HttpMethod::Put | HttpMethod::Patch | HttpMethod::Delete => refusals.push((409, "Not as things stand now.")),
        _ => {}
    }
    if !matches!(whose, Whose::Anybody) {
        refusals.push((404, "It is not there, or nothing of the kind was asked for."));
    }
    if takes_body {
        refusals.push((413, "The body is too large."));
        refusals.push((415, "The body is not said to be JSON."));
        refusals.push((422, "The document is not of this kind."));
    }
    for (status, why) in refusals {
        operation.responses.responses.entry(status.to_string()).or_insert_with(|| RefOr::T(refused(why)));
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            carry(method, status, response);
        }
    }
}

/// Says which headers an answer has beside those of HTTP.
fn carry(method: &HttpMethod, status: &str, response: &mut openapi::Response) {
    let is_document = response.content.contains_key("application/json");
    let mut says = |name: &str, why: &str| {
        let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
        header.description = Some(why.to_owned());
        response.headers.insert(name.to_owned(), header);
    };
    says("x-request-id", "What the logs call this request.");
    match (method, status) {
        (HttpMethod::Get, "200") if is_document => says("ETag", "Changes with the document: see `If-None-Match`."),
        (HttpMethod::Get, "304") => says("ETag", "That of the document."),
        (HttpMethod::Post, _) => {
            says("Idempotency-Replayed", "`true` where this is the answer to an order that was carried out before.");
        }
        _ => {}
    }
}

/// Whether it answers with a document, which has an `ETag`.
fn is_document(operation: &Operation) -> bool {
    let well = operation.responses.responses.get("200");
    well.is_some_and(|well| matches!(well, RefOr::T(well) if well.content.contains_key("application/json")))
}

fn refused(why: &str) -> openapi::Response {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(why).content("application/problem+json", problem).build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn header(name: &str, why: &str, value: ObjectBuilder) -> Parameter {
    let header = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::False);
    header.description(Some(why)).schema(Some(value)).build()
}

/// The document as it is sent.
#[derive(Clone)]
pub struct Written(Arc<str>);

impl Written {
    pub fn of(document: &openapi::OpenApi) -> Written {
        Written(document.to_json().unwrap_or_default().into())
    }
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value))
)]
pub async fn show(Extension(Written(document)): Extension<Written>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], document.to_string()).into_response()
}
