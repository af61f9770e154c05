//! `docs/api-reference.md`: the document of the API as a page for people. A test writes it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, RefOr};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// Told once for all routes, at the head of the page.
const OF_ALL: [&str; 2] = ["Idempotency-Key", "If-None-Match"];

const HEAD: &str = "# The admin API, route by route\n
A test writes this page from the document that `GET /api/v1/openapi.json` gives, so it says what there is. How one signs, \
what is told to whom, and how lists, orders and events go, is on [the page before](api.md).\n
Every `POST` takes the header `Idempotency-Key`, and every `GET` that is answered by 200 takes `If-None-Match` and may be \
answered by 304. A field that is *optional* may be left out of a request; in an answer it may be missing or `null`.\n";

/// The page. Fields stand in the order of their declaration.
pub fn page(document: &OpenApi) -> String {
    let value = serde_json::to_value(document).unwrap_or_default();
    let usual = usual(&value);
    let mut text = HEAD.to_owned();
    // Writing to a string does not fail.
    text.push_str("\n## Refusals\n\nA refusal is a [`Problem`](#problem). Unless a route says otherwise:\n\n");
    text.push_str("| status | |\n|---|---|\n");
    for (status, why) in usual.iter().filter(|(status, _)| is_refusal(status)) {
        let _ = writeln!(text, "| {status} | {} |", cell(why));
    }
    text.push_str("\n## Routes\n");
    for (path, item) in fields(&value, "/paths") {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                route(&mut text, &format!("{} {path}", method.to_uppercase()), operation, &usual);
            }
        }
    }
    text.push_str("\n## Documents\n");
    let declared = document.components.iter().flat_map(|components| &components.schemas);
    let declared: BTreeMap<&str, Vec<&str>> = declared.map(|(name, schema)| (name.as_str(), order(schema))).collect();
    for (name, schema) in fields(&value, "/components/schemas") {
        let _ = write!(text, "\n### {name}\n{}", told_of(schema));
        described(&mut text, schema, declared.get(name.as_str()).map(Vec::as_slice).unwrap_or_default());
    }
    text
}

/// What most routes say of a status.
fn usual(value: &Value) -> BTreeMap<String, String> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let operations =
        fields(value, "/paths").flat_map(|(_, item)| METHODS.into_iter().filter_map(move |one| item.get(one)));
    for (status, response) in operations.flat_map(|operation| fields(operation, "/responses")) {
        *counts.entry((status.clone(), word(response, "description"))).or_default() += 1;
    }
    let mut usual: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for ((status, why), count) in counts {
        let most = usual.entry(status).or_default();
        if count > most.0 {
            *most = (count, why);
        }
    }
    usual.into_iter().map(|(status, (_, why))| (status, why)).collect()
}

fn route(text: &mut String, name: &str, operation: &Value, usual: &BTreeMap<String, String>) {
    let _ = write!(text, "\n### `{name}`\n\n{}\n", word(operation, "summary"));
    for line in word(operation, "description").split("\n\n") {
        let _ = write!(text, "\n{}\n", line.trim());
    }
    let parameters: Vec<&Value> = items(operation, "/parameters").collect();
    let own: Vec<&&Value> = parameters.iter().filter(|one| !OF_ALL.contains(&word(one, "name").as_str())).collect();
    if !own.is_empty() {
        text.push_str("\n| parameter | in | | |\n|---|---|---|---|\n");
    }
    for one in own {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            word(one, "name"),
            word(one, "in"),
            kind(one.get("schema")) + optional(one.get("required") == Some(&Value::Bool(true))),
            cell(&word(one, "description"))
        );
    }
    if let Some(body) = operation.pointer("/requestBody") {
        let _ = write!(text, "\nTakes {}.\n", contents(body));
    }
    let (mut refused, mut otherwise) = (Vec::new(), String::new());
    for (status, response) in fields(operation, "/responses") {
        let why = word(response, "description");
        if status == "304" {
            continue;
        }
        if !is_refusal(status) {
            let what = contents(response);
            let what = if what.is_empty() { what } else { format!(" {what}") };
            let _ = write!(text, "\n{status}{what}: {}.\n", cell(why.trim_end_matches('.')));
        } else if usual.get(status) == Some(&why) {
            refused.push(status.as_str());
        } else {
            let _ = write!(otherwise, "; {status}: {}", cell(why.trim_end_matches('.')));
        }
    }
    let _ = write!(text, "\nRefused by {}{otherwise}.\n", refused.join(", "));
}

/// What a body holds, by its kind.
fn contents(body: &Value) -> String {
    let all = fields(body, "/content").map(|(media, content)| match media.as_str() {
        "application/json" => kind(content.get("schema")),
        other => format!("`{other}`"),
    });
    all.collect::<Vec<_>>().join(" or ")
}

/// The document's fields, one to a line.
fn described(text: &mut String, schema: &Value, order: &[&str]) {
    let parts: Vec<&Value> = items(schema, "/allOf").collect();
    if !parts.is_empty() {
        for part in parts {
            if part.get("properties").is_some() {
                described(text, part, order);
                continue;
            }
            let of = kind(Some(part));
            let _ = write!(text, "\nAnd the fields of {}. {}\n", of.trim_end_matches(" or `null`"), told(part));
        }
        return;
    }
    let mut rows: Vec<(&String, &Value)> = fields(schema, "/properties").collect();
    if rows.is_empty() {
        let _ = write!(text, "\nIt is {}.\n", kind(Some(schema)));
        return;
    }
    rows.sort_by_key(|(name, _)| order.iter().position(|declared| declared == name));
    text.push_str("\n| field | | |\n|---|---|---|\n");
    let required: Vec<&Value> = items(schema, "/required").collect();
    for (name, field) in rows {
        let needed = required.iter().any(|one| one.as_str() == Some(name.as_str()));
        let _ = writeln!(text, "| `{name}` | {} | {} |", kind(Some(field)) + optional(needed), cell(&told(field)));
    }
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        text.push_str("\nAnother field is refused.\n");
    }
}

const fn optional(needed: bool) -> &'static str {
    if needed { "" } else { ", optional" }
}

/// What is said of it, beside it or of the one thing that it may be.
fn told(schema: &Value) -> String {
    let own = word(schema, "description");
    if !own.is_empty() {
        return own;
    }
    items(schema, "/oneOf").map(|one| word(one, "description")).find(|said| !said.is_empty()).unwrap_or_default()
}

fn told_of(schema: &Value) -> String {
    let said = told(schema);
    if said.is_empty() { said } else { format!("\n{said}\n") }
}

/// Of what kind a value is, in words.
fn kind(schema: Option<&Value>) -> String {
    let Some(schema) = schema else { return "any JSON".to_owned() };
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
        return format!("[`{name}`](#{})", name.to_lowercase());
    }
    let either: Vec<String> = items(schema, "/oneOf").map(|one| kind(Some(one))).collect();
    if !either.is_empty() {
        // What it is first, and then that it may be nothing.
        let (nothing, something): (Vec<_>, Vec<_>) = either.into_iter().partition(|one| one == "`null`");
        return [something, nothing].concat().join(" or ");
    }
    let words: Vec<String> =
        items(schema, "/enum").map(|word| format!("`{}`", word.as_str().unwrap_or("null"))).collect();
    if !words.is_empty() {
        return words.join(", ");
    }
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => return "any JSON".to_owned(),
    };
    let one = |name: &str| match name {
        "array" => format!("list of {}", kind(schema.get("items"))),
        "object" => match schema.get("additionalProperties") {
            Some(of @ Value::Object(_)) => format!("object of {} by name", kind(Some(of))),
            _ => "object".to_owned(),
        },
        "null" => "`null`".to_owned(),
        name => name.to_owned() + &bounds(schema),
    };
    types.into_iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn bounds(schema: &Value) -> String {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) if least > 0.0 => format!(" from {least}"),
        (None, Some(most)) => format!(" up to {most}"),
        _ => String::new(),
    }
}

/// The names of a schema's fields as they are declared.
fn order(schema: &RefOr<Schema>) -> Vec<&str> {
    match schema {
        RefOr::T(Schema::Object(object)) => object.properties.keys().map(String::as_str).collect(),
        RefOr::T(Schema::AllOf(all)) => all.items.iter().flat_map(order).collect(),
        _ => Vec::new(),
    }
}

fn is_refusal(status: &str) -> bool {
    status.starts_with(['4', '5'])
}

fn fields<'a>(value: &'a Value, place: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(place).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn items<'a>(value: &'a Value, place: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(place).and_then(Value::as_array).into_iter().flatten()
}

fn word(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
