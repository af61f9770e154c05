//! Operators: what people with other duties do to the enclave while it works.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Error};
use policy::SystemPermit;

use crate::known::Known;
use crate::power::Power;
use crate::random::Random;

/// Does something every few minutes, for as long as the life lasts.
pub async fn operate(engine: Engine, known: Known, power: Arc<Power>, mut random: Random) {
    loop {
        tokio::time::sleep(Duration::from_secs(random.between(20, 900))).await;
        let labels: Vec<_> = known.state().people.iter().map(|person| person.label).collect();
        let Some(label) = random.pick(&labels).copied() else { continue };
        power.tell(|| "an operator turns a label's key".to_owned());
        let rotated = engine.rotate_label(&SystemPermit::for_background_work(), label).await;
        if !power.is_on() {
            return std::future::pending().await;
        }
        match rotated {
            Ok(_) => known.count("rotate"),
            Err(Error::Unavailable { .. }) => {}
            Err(error) => known.findings.add(format!("a label's key cannot be turned: {error}")),
        }
    }
}
