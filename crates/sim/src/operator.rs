//! Operators: what people with other duties do to the enclave while it works.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Error};
use model::SiteState;
use policy::SystemPermit;

use crate::known::Known;
use crate::power::Power;
use crate::random::Random;

/// Does something every few minutes, for as long as the life lasts.
pub async fn operate(engine: Engine, known: Known, power: Arc<Power>, mut random: Random) {
    let system = SystemPermit::for_background_work();
    loop {
        tokio::time::sleep(Duration::from_secs(random.between(20, 900))).await;
        let (what, done) = match random.between(0, 3) {
            0 => ("change what a site is for", set_a_site(&engine, &power, &mut random).await),
            1 => {
                power.tell(|| "an operator has everything repaired".to_owned());
                let planned = engine.plan_repair(&system).await.map(drop);
                ("repair", planned.and(engine.repair(&system, |_| {}).await.map(drop)))
            }
            _ => {
                let labels: Vec<_> = known.state().people.iter().map(|person| person.label).collect();
                let Some(label) = random.pick(&labels).copied() else { continue };
                power.tell(|| "an operator turns a label's key".to_owned());
                ("rotate", engine.rotate_label(&system, label).await.map(drop))
            }
        };
        if !power.is_on() {
            return std::future::pending().await;
        }
        match done {
            Ok(()) => known.count(what),
            Err(Error::Unavailable { .. }) => {}
            Err(error) => known.findings.add(format!("an operator cannot {what}: {error}")),
        }
    }
}

/// At most one site is not active at a time: with two out the promise could not be kept.
async fn set_a_site(engine: &Engine, power: &Power, random: &mut Random) -> Result<(), Error> {
    let system = SystemPermit::for_background_work();
    let sites = engine.status(&system).await?.sites;
    let other = sites.iter().find(|site| site.state != SiteState::Active);
    let (name, state) = match other {
        Some(other) => (other.site.name.clone(), SiteState::Active),
        None => {
            let Some(site) = random.pick(&sites) else { return Ok(()) };
            let state = random.pick(&[SiteState::Suspended, SiteState::Draining, SiteState::Draining]).copied();
            (site.site.name.clone(), state.unwrap_or_default())
        }
    };
    power.tell(|| format!("an operator sets {name} to {state}"));
    if state == SiteState::Draining {
        engine.plan_evacuation(&system, std::slice::from_ref(&name)).await?;
    }
    engine.set_sites(&system, &[name], state).await
}
