//! S3's documents: `s3s` writes and reads them, and the error document is written here.

use bytes::Bytes;
use s3s::xml::{DeError, Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Code, Failure};
use crate::response::RequestId;

/// Writes a document.
pub(crate) fn write(document: &impl Serialize) -> Result<Bytes, Failure> {
    let mut buffer = Vec::with_capacity(512);
    let mut serializer = Serializer::new(&mut buffer);
    serializer.decl().and_then(|()| document.serialize(&mut serializer)).map_err(Failure::internal)?;
    Ok(buffer.into())
}

/// Reads a document that is the whole of `bytes`.
pub(crate) fn read<T: for<'xml> Deserialize<'xml>>(bytes: &[u8]) -> Result<T, Failure> {
    let mut deserializer = Deserializer::new(bytes);
    let malformed = |_: DeError| Failure::from(Code::MalformedXML);
    let document = T::deserialize(&mut deserializer).map_err(malformed)?;
    deserializer.expect_eof().map_err(malformed)?;
    Ok(document)
}

/// Writes the document of a failed request.
pub(crate) fn write_failure(failure: &Failure, resource: &str, id: &RequestId) -> Result<Bytes, Failure> {
    let mut buffer = Vec::with_capacity(256);
    let mut serializer = Serializer::new(&mut buffer);
    serializer
        .decl()
        .and_then(|()| {
            serializer.element("Error", |error| {
                error.content("Code", failure.code().name())?;
                error.content("Message", failure.message())?;
                for (name, value) in failure.fields() {
                    error.content(name, value)?;
                }
                error.content("Resource", resource)?;
                error.content("RequestId", &id.request)?;
                error.content("HostId", &*id.host)
            })
        })
        .map_err(Failure::internal)?;
    Ok(buffer.into())
}
