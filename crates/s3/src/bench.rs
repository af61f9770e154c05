//! What a bench calls: one decision, from the head of a request to the permit. Not in the product.

use http::request::Parts;
use policy::PutObject;

use crate::door::{Call, Door};
use crate::error::Failure;
use crate::gate;

/// Whether the request may put an object: the gate's allow-list, the signature, what holds of key and
/// principal, labels, grants and lists; all but the body and the act. The refusal's code is its `Err`.
pub async fn may_put(door: &Door, head: &Parts) -> Result<(), &'static str> {
    decide(door, head).await.map_err(|failure| failure.code().name())
}

async fn decide(door: &Door, head: &Parts) -> Result<(), Failure> {
    let door = &*door.inner;
    let admitted = gate::admit(head, &door.settings, door.outside.clock.now())?;
    let (session, _) = door.authenticate(&admitted, None).await?;
    let call = Call { door, session, admitted };
    call.on_object::<PutObject>().await.map(drop)
}
