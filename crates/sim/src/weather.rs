//! The weather over the sites: what goes wrong, where and for how long.

use std::sync::Arc;
use std::time::Duration;

use crate::Breadth;
use crate::ground::Ground;
use crate::power::Power;
use crate::random::Random;
use crate::site::{CALM, CALM_AFTER, Listing, Site, State, Weather};

/// How rough a life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Climate {
    Calm,
    Changing,
}

/// Lets every site be well.
pub fn clear(ground: &Ground) {
    ground.sites.iter().for_each(|site| site.set(CALM));
}

/// Changes the weather for as long as the life lasts.
pub async fn change_for_ever(
    ground: Arc<Ground>,
    power: Arc<Power>,
    mut random: Random,
    damage: Arc<Damage>,
    breadth: Breadth,
) {
    loop {
        let calm_for = Duration::from_millis(random.between(3_000, 60_000));
        tokio::time::sleep(calm_for).await;
        match random.below(10) {
            0 => {
                clear(&ground);
                power.tell(|| "the weather clears".to_owned());
                tokio::time::sleep(CALM_AFTER).await;
                tokio::time::sleep(Duration::from_secs(random.between(1, 600))).await;
            }
            1..4 => clear(&ground),
            4 | 5 => strike_victim(&ground, &power, &mut random, &damage),
            6 if breadth >= Breadth::Wide => part(&ground, &power, &mut random),
            _ => {}
        }
        if breadth >= Breadth::Wide {
            worsen(&ground, &mut random);
        }
        if let Some(site) = random.pick(&ground.sites) {
            let weather = draw(site, &mut random);
            power.tell(|| format!("{}: {weather:?}", site.name));
            site.set(weather);
        }
    }
}

/// The network is parted: some sites, or all, are on the other side and say nothing.
fn part(ground: &Ground, power: &Power, random: &mut Random) {
    let mut silent = Vec::new();
    for site in &ground.sites {
        if random.chance(600) {
            site.change(|weather| weather.state = State::Silent);
            silent.push(site.name.as_str());
        }
    }
    power.tell(|| format!("the network is parted from {silent:?}"));
}

/// What is slow dies slowly: ever slower, with ever more that is lost, until it is gone.
fn worsen(ground: &Ground, random: &mut Random) {
    for site in ground.sites.iter().filter(|site| site.weather().slow > CALM.slow * 8) {
        if random.chance(300) {
            site.change(|weather| {
                weather.slow *= 2;
                weather.lost = (weather.lost + 100).min(900);
                if weather.slow > 200_000 {
                    weather.state = State::Gone;
                }
            });
        }
    }
}

/// What the victim was done that a reader may not have met yet.
#[derive(Default)]
pub struct Damage(std::sync::atomic::AtomicBool);

impl Damage {
    pub fn is_done(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn strike_victim(ground: &Ground, power: &Power, random: &mut Random, damage: &Damage) {
    let Some(victim) = ground.sites.iter().find(|site| site.is_victim) else { return };
    damage.0.store(true, std::sync::atomic::Ordering::Relaxed);
    let what = match random.below(4) {
        0 => format!("loses {}", victim.lose(random.between(1, 400))),
        1 => format!("rots {}", victim.rot(random.between(1, 300))),
        2 => {
            victim.roll_back();
            "goes back to its backup".to_owned()
        }
        _ => {
            let listing =
                if random.chance(500) { Listing::Stale(random.between(100, 60_000)) } else { Listing::Lying(100) };
            victim.change(|weather| weather.listing = listing);
            format!("lists {listing:?}")
        }
    };
    power.tell(|| format!("{} {what}", victim.name));
}

fn draw(site: &Site, random: &mut Random) -> Weather {
    let listing = site.weather().listing;
    let mut weather = Weather { listing: if site.is_victim { listing } else { Listing::Honest }, slow: 1000, ..CALM };
    match random.below(12) {
        0 => weather.state = State::Silent,
        1 => weather.state = State::Gone,
        2 => weather.state = State::Throttled,
        3 => weather.state = State::Full,
        4 => weather.state = State::ReadOnly,
        5 => weather.lost = random.between(20, 400),
        6 => weather.landed = random.between(20, 400),
        7 => (weather.lost, weather.landed) = (random.between(10, 200), random.between(10, 200)),
        8 => weather.hang = random.between(5, 150),
        9 => weather.flip = random.between(5, 150),
        10 => weather.slow = random.between(2_000, 30_000),
        _ => {}
    }
    weather
}
