//! Yesterday's listing: answers recorded before a moment, and today's without what came since.
//!
//! A question that was asked before the moment is answered as it was then. One that was not is passed
//! on, and names written since are struck from the answer; what was deleted since is not put back.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{HeaderValue, Response, Uri, header};

use crate::request::decoded;

/// Answers kept; a test asks far fewer questions.
const RECORDED_MAX: usize = 1000;

#[derive(Default)]
pub struct Listings {
    /// By path and query, what signs left out.
    recorded: BTreeMap<String, (Option<HeaderValue>, Bytes)>,
    /// Names written since the moment; `None` before it.
    since: Option<BTreeSet<String>>,
}

impl Listings {
    /// From now on is today.
    pub fn moment(&mut self) {
        self.since = Some(BTreeSet::new());
    }

    pub fn note_put(&mut self, name: String) {
        if let Some(since) = &mut self.since {
            since.insert(name);
        }
    }

    /// Keeps an answer, if the moment is still to come.
    pub fn record(&mut self, uri: &Uri, kind: Option<HeaderValue>, answer: Bytes) {
        if self.since.is_none() && self.recorded.len() < RECORDED_MAX {
            self.recorded.insert(question(uri), (kind, answer));
        }
    }

    pub fn recorded(&self, uri: &Uri) -> Option<Response<Bytes>> {
        self.since.as_ref()?;
        let (kind, answer) = self.recorded.get(&question(uri))?;
        let mut response = Response::new(answer.clone());
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
        }
        Some(response)
    }

    /// A listing of today without what was written since the moment.
    pub fn as_of_the_moment(&self, answer: &[u8]) -> Vec<u8> {
        let none = BTreeSet::new();
        let since = self.since.as_ref().unwrap_or(&none);
        let text = String::from_utf8_lossy(answer);
        if text.trim_start().starts_with('{') {
            return json_without(&text, since).unwrap_or_else(|| answer.to_vec());
        }
        let left = xml_without(&text, "Contents", "Key", since);
        xml_without(&left, "Blob", "Name", since).into_bytes()
    }
}

fn question(uri: &Uri) -> String {
    let signs = |pair: &&str| pair.to_ascii_lowercase().starts_with("x-amz-");
    let query: Vec<&str> = uri.query().unwrap_or("").split('&').filter(|pair| !signs(pair)).collect();
    format!("{}?{}", uri.path(), query.join("&"))
}

/// Leaves out each `element` whose `name` is in `since`.
fn xml_without(text: &str, element: &str, name: &str, since: &BTreeSet<String>) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&open)
        && let Some((inside, after)) = after.split_once(&close)
    {
        left.push_str(before);
        let named = between(inside, &format!("<{name}>"), &format!("</{name}>")).map(decoded);
        if !named.is_some_and(|named| since.contains(&named)) {
            left.extend([open.as_str(), inside, close.as_str()]);
        }
        rest = after;
    }
    left + rest
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    Some(text.split_once(open)?.1.split_once(close)?.0)
}

fn json_without(text: &str, since: &BTreeSet<String>) -> Option<Vec<u8>> {
    let mut answer: serde_json::Value = serde_json::from_str(text).ok()?;
    if let Some(items) = answer.get_mut("items").and_then(serde_json::Value::as_array_mut) {
        let name = |item: &serde_json::Value| item.get("name").and_then(|name| name.as_str().map(str::to_owned));
        items.retain(|item| !name(item).is_some_and(|name| since.contains(&name)));
    }
    serde_json::to_vec(&answer).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_since_the_moment_is_not_listed() {
        for (today, yesterday) in [
            (
                "<L><Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents></L>",
                "<L><Contents><Key>a</Key></Contents></L>",
            ),
            ("<L><Contents><Key>x%2Fy</Key></Contents></L>", "<L></L>"),
            ("<B><Blob><Name>b</Name></Blob><Blob><Name>c</Name></Blob></B>", "<B><Blob><Name>c</Name></Blob></B>"),
            (r#"{"items":[{"name":"b"},{"name":"c"}]}"#, r#"{"items":[{"name":"c"}]}"#),
            ("<L></L>", "<L></L>"),
            (r#"{"kind":"storage#objects"}"#, r#"{"kind":"storage#objects"}"#),
        ] {
            let mut listings = Listings::default();
            listings.note_put("a".into());
            listings.moment();
            ["b", "x/y"].into_iter().for_each(|name| listings.note_put(name.into()));
            assert_eq!(String::from_utf8(listings.as_of_the_moment(today.as_bytes())).unwrap(), yesterday);
        }
    }

    #[test]
    fn a_question_asked_before_the_moment_is_answered_as_it_was() {
        let uri = |query: &str| format!("/b?list-type=2{query}").parse::<Uri>().unwrap();
        let mut listings = Listings::default();
        listings.record(&uri("&X-Amz-Date=1"), None, "then".into());
        assert!(listings.recorded(&uri("")).is_none(), "it is still today");
        listings.moment();
        listings.record(&uri(""), None, "now".into());
        assert_eq!(listings.recorded(&uri("&X-Amz-Date=2")).unwrap().into_body(), "then");
        assert!(listings.recorded(&uri("&prefix=c")).is_none());
    }
}
