//! The S3 door: HTTP requests in, permits and streams into the engine, S3's answers out.
//!
//! ```text
//!  socket ─► gate ─► auth ─► body ─► one handler per operation ─► engine
//!            pure    one     idle    (buckets, put, get, list,
//!            allow-  key     limits,  delete, multipart)
//!            list    lookup  aws-chunked
//! ```
//!
//! The gate reads a request head once and says which operation it is, or refuses it; nothing after
//! it has a second opinion. What a handler does not honour is on no allow-list and is refused,
//! never dropped. `s3s` lends its vocabulary of S3 documents (`xml`); its dispatcher, signature
//! check and chunk decoder are not used: they accept requests S3 refuses, and hold a whole chunk,
//! which some clients make as long as the object, in memory.
//!
//! Absent by design: administration, money, and any rule about who may do what.

mod limits;
pub mod serve;
mod watch;

mod door;

mod auth;
mod body;
mod chunked;
mod digest;
mod error;
mod gate;
mod headers;
mod response;
mod text;
mod xml;

mod acl;
mod attributes;
mod buckets;
mod copy;
mod cors;
mod delete;
mod form;
mod get;
mod lifecycle;
mod list;
mod lock;
mod multipart;
mod pace;
mod put;
mod settings;
mod tagging;
mod versioning;

#[cfg(feature = "bench")]
pub mod bench;
#[cfg(feature = "fuzz")]
pub mod fuzz;

pub use door::{Door, REQUEST_SPANS, Settings};
pub use limits::Limits;
pub use serve::serve;
pub use watch::{Answered, Class, Watch};
