//! A small XML document as a tree, bounded, and without anything that a label does not need: no document
//! type, no entities of its own, no processing instructions.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

/// In bytes. A label that names all nations has about 15,000.
const LONGEST: usize = 64 * 1024;
/// Elements within each other; a label has four.
const DEEPEST: usize = 16;

/// An element, its attributes and what it holds.
#[derive(Debug, Default)]
pub struct Element {
    pub namespace: String,
    pub name: String,
    /// Namespace, name, value; declarations of namespaces left out.
    pub attributes: Vec<(String, String, String)>,
    pub children: Vec<Element>,
    /// All text directly within, ends trimmed.
    pub text: String,
}

/// The document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    #[error("longer than {LONGEST} bytes, which no label is")]
    TooLong,
    #[error("elements lie deeper than {DEEPEST} within each other")]
    TooDeep,
    #[error("a document type, an entity of its own or a processing instruction, which is not taken")]
    NotTaken,
    #[error("the prefix `{0}` stands for no namespace")]
    Prefix(String),
    #[error("not well formed near byte {0}")]
    Malformed(u64),
    #[error("not one root element")]
    Root,
}

impl Element {
    /// An attribute by namespace and name.
    pub fn attribute(&self, namespace: &str, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(space, own, _)| space == namespace && own == name);
        found.map(|(_, _, value)| value.as_str())
    }
}

/// Reads a document that is the whole of `text`.
pub fn read(text: &str) -> Result<Element, XmlError> {
    if text.len() > LONGEST {
        return Err(XmlError::TooLong);
    }
    let mut reader = NsReader::from_str(text);
    // The outermost holds the document, so that the root is a child like others.
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|_| XmlError::Malformed(reader.buffer_position()))?;
        match event {
            Event::Start(start) => {
                open.push(element(&reader, &start)?);
                if open.len() > DEEPEST {
                    return Err(XmlError::TooDeep);
                }
            }
            Event::Empty(start) => {
                let empty = element(&reader, &start)?;
                within(&mut open).children.push(empty);
            }
            Event::End(_) => {
                let mut done = open.pop().unwrap_or_default();
                done.text = done.text.trim().to_owned();
                within(&mut open).children.push(done);
            }
            Event::Text(text) => {
                let text = text.xml10_content().map_err(|_| XmlError::Malformed(reader.buffer_position()))?;
                within(&mut open).text += &text;
            }
            Event::CData(text) => {
                let text = text.xml10_content().map_err(|_| XmlError::Malformed(reader.buffer_position()))?;
                within(&mut open).text += &text;
            }
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|_| XmlError::NotTaken)?;
                let name = reference.decode().map_err(|_| XmlError::NotTaken)?;
                match (character, quick_xml::escape::resolve_predefined_entity(&name)) {
                    (Some(character), _) => within(&mut open).text.push(character),
                    (None, Some(text)) => within(&mut open).text += text,
                    (None, None) => return Err(XmlError::NotTaken),
                }
            }
            Event::DocType(_) | Event::PI(_) => return Err(XmlError::NotTaken),
            Event::Decl(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    // What is still open was never closed; text beside the root is none of XML's.
    let Some(mut document) = open.pop().filter(|_| open.is_empty()) else {
        return Err(XmlError::Malformed(reader.buffer_position()));
    };
    match (document.children.len(), document.text.trim().is_empty()) {
        (1, true) => document.children.pop().ok_or(XmlError::Root),
        _ => Err(XmlError::Root),
    }
}

/// The innermost open element. The document itself is never closed: its end has no tag.
fn within(open: &mut Vec<Element>) -> &mut Element {
    if open.is_empty() {
        open.push(Element::default());
    }
    let last = open.len() - 1;
    #[expect(clippy::indexing_slicing, reason = "it was just made sure that there is one")]
    &mut open[last]
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart) -> Result<Element, XmlError> {
    let malformed = || XmlError::Malformed(reader.buffer_position());
    let (space, name) = reader.resolver().resolve_element(start.name());
    let mut element = Element {
        namespace: namespace(&space)?,
        name: utf8(name.as_ref()).ok_or_else(malformed)?,
        ..Element::default()
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| malformed())?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (space, name) = reader.resolver().resolve_attribute(attribute.key);
        // Entities of its own are refused here.
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| XmlError::NotTaken)?;
        let name = utf8(name.as_ref()).ok_or_else(malformed)?;
        let space = namespace(&space)?;
        if element.attribute(&space, &name).is_some() {
            return Err(malformed());
        }
        element.attributes.push((space, name, value.trim().to_owned()));
    }
    Ok(element)
}

fn namespace(space: &ResolveResult) -> Result<String, XmlError> {
    match space {
        ResolveResult::Bound(space) => Ok(String::from_utf8_lossy(space.as_ref()).into_owned()),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(prefix) => Err(XmlError::Prefix(String::from_utf8_lossy(prefix).into_owned())),
    }
}

fn utf8(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// Text fit to stand in an element or an attribute.
pub fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_label_needs_is_read() {
        let root = read("<?xml version=\"1.0\"?><a:x xmlns:a=\"urn:a\" a:k=\" 1 \" k='2'>\n<y>S&amp;&#x41;</y></a:x>")
            .unwrap();
        assert_eq!((root.namespace.as_str(), root.name.as_str(), root.text.as_str()), ("urn:a", "x", ""));
        assert_eq!((root.attribute("urn:a", "k"), root.attribute("", "k")), (Some("1"), Some("2")));
        assert_eq!((root.children[0].name.as_str(), root.children[0].text.as_str()), ("y", "S&A"));
    }

    #[test]
    fn what_is_dangerous_or_broken_is_refused() {
        let deep = "<a>".repeat(40) + &"</a>".repeat(40);
        for (text, wanted) in [
            ("<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>", XmlError::NotTaken),
            ("<a>&e;</a>", XmlError::NotTaken),
            ("<a b=\"&e;\"/>", XmlError::NotTaken),
            ("<?do it?><a/>", XmlError::NotTaken),
            ("<p:a/>", XmlError::Prefix("p".into())),
            ("<a p:b=\"1\"/>", XmlError::Prefix("p".into())),
            (deep.as_str(), XmlError::TooDeep),
            ("<a/><b/>", XmlError::Root),
            ("", XmlError::Root),
            ("text", XmlError::Root),
            ("<a/>text", XmlError::Root),
        ] {
            assert_eq!(read(text).unwrap_err(), wanted, "{text}");
        }
        for text in [
            "<a>",
            "<a></b>",
            "</a>",
            "<a b=1/>",
            "<a b='1' b='2'/>",
            "<a",
            "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        ] {
            assert!(matches!(read(text), Err(XmlError::Malformed(_))), "{text}");
        }
        assert_eq!(read(&" ".repeat(LONGEST + 1)).unwrap_err(), XmlError::TooLong);
    }
}
