//! The world of one seed: sites and a disk that outlive every life, and the lives, most of which end in a
//! power cut.

use std::sync::Arc;
use std::time::Duration;

use engine::Settings;
use model::{Label, Outside, Profile, Vendor};

use crate::clock::VirtualClock;
use crate::disk::{self, Disk, Honesty};
use crate::findings::Findings;
use crate::founding;
use crate::ground::Ground;
use crate::known::Known;
use crate::life::{Life, Plan};
use crate::plant::{Plant, Planted};
use crate::power::{Power, PoweredWork};
use crate::random::{Random, Seeded};
use crate::roots::Roots;
use crate::site::Site;
use crate::vfs::Mount;
use crate::weather::{Climate, Damage};
use crate::{Breadth, Options, Report};

/// A life that takes longer than this by the virtual clock hangs.
const LIFE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// In the wide world a day of lifecycle rules is this long.
pub const DAY: Duration = Duration::from_secs(600);
/// Records between snapshots: some come in every life.
const SNAPSHOT_AFTER: u64 = 60;
/// In the wide world the journal is looked through for what is worth compacting as often, and a snapshot taken.
const COMPACTED: Duration = Duration::from_secs(30);

/// A vendor that appears in this life.
#[derive(Clone, Copy)]
struct Joins {
    vendor: Vendor,
    life: u64,
    /// Somebody adds it while that life runs; else its start finds it.
    is_added: bool,
}

impl Joins {
    /// The first life whose start finds it.
    fn found_in(self) -> u64 {
        self.life + u64::from(self.is_added)
    }
}

pub struct World {
    options: Options,
    random: Random,
    ground: Arc<Ground>,
    findings: Arc<Findings>,
    known: Known,
    plant: Planted,
    damage: Arc<Damage>,
    disk: Arc<Disk>,
    /// The disk as it was once, to be put back.
    backup: Option<disk::Copy>,
    /// What is on the disk is no catalog: it was burnt, or a rebuild of it was cut off.
    burnt: bool,
    joins: Option<Joins>,
    roots: Arc<Roots>,
    settings: Settings,
    profiles: Vec<Profile>,
    report: Report,
    lives: u64,
}

pub fn top() -> Label {
    Label::highest_of(Label::LOWEST.table())
}

impl World {
    pub fn new(seed: u64, options: Options) -> World {
        let mut random = Random::new(seed);
        let findings = Arc::new(Findings::default());
        let plant = Planted::new(options.plant, random.fork());
        let victim = random.place(Vendor::ALL.len());
        let site = |(index, vendor): (usize, Vendor)| {
            // The owner's own disks stand where only the lowest may lie.
            let ceiling = if vendor == Vendor::Own { Label::LOWEST } else { top() };
            let checked = (Arc::clone(&findings), plant.clone());
            Arc::new(Site::new(vendor.name().to_owned(), vendor, ceiling, index == victim, random.fork(), checked))
        };
        let sites: Vec<Arc<Site>> = Vendor::ALL.into_iter().enumerate().map(site).collect();
        let sweep_after = *random.pick(&[2, 60, 600]).unwrap_or(&600);
        let profiles = draw_profiles(options.breadth, &mut random);
        let settings = Settings {
            probe_every: Duration::from_secs(5),
            reenter_after: Duration::from_secs(10),
            sweep_after: Duration::from_secs(sweep_after),
            sweep_every: Duration::from_secs(sweep_after.max(20)),
            lifecycle_day: if options.breadth >= Breadth::Wide { DAY } else { Settings::default().lifecycle_day },
            compact_every: if options.breadth >= Breadth::Wide { COMPACTED } else { Settings::default().compact_every },
            snapshot_every: if options.breadth >= Breadth::Wide {
                COMPACTED
            } else {
                Settings::default().snapshot_every
            },
            snapshot_after: SNAPSHOT_AFTER,
            ..Settings::default()
        };
        let honesty = if plant.is(Plant::SkipSync) { Honesty::SaysSynced } else { Honesty::Honest };
        let current = random.next().to_le_bytes().repeat(4).try_into().unwrap_or([7; 32]);
        let joins =
            options.breadth >= Breadth::Wide && Vendor::ALL.get(victim) != Some(&Vendor::Own) && random.chance(300);
        let joins = joins.then(|| {
            let life = random.between(3, 12);
            let is_added = options.breadth >= Breadth::All && random.chance(500);
            Joins { vendor: Vendor::Own, life, is_added }
        });
        World {
            options,
            ground: Arc::new(Ground::new(sites)),
            known: Known::new(Arc::clone(&findings)),
            findings,
            plant,
            damage: Arc::default(),
            disk: Disk::new(Power::new(None, false), honesty),
            backup: None,
            burnt: false,
            joins,
            roots: Arc::new(Roots::new(current)),
            settings,
            profiles,
            report: Report::new(seed),
            lives: 0,
            random,
        }
    }

    /// Lives one life after the other until so much was done, and a last one in good weather.
    pub fn run(mut self) -> Report {
        let first = Plan { cut_at: None, climate: Climate::Calm, operations: 0, rebuild: false, last: false };
        if self.random.chance(300) {
            // An enclave whose founding is cut short, once or twice.
            for _ in 0..=self.random.below(2) {
                let cut_at = Some(self.random.between(1, 300));
                self.live(Plan { cut_at, ..first });
            }
        }
        self.live(first);
        while self.findings.is_empty() && self.known.state().operations < self.options.operations {
            let plan = self.draw();
            self.live(plan);
        }
        if self.findings.is_empty() {
            self.live(Plan { last: true, ..first });
        }
        self.report.findings = self.findings.take();
        let state = self.known.state();
        self.report.operations = state.operations;
        self.report.answers.clone_from(&state.tally);
        for site in &self.ground.sites {
            for (fault, times) in site.faults() {
                *self.report.faults.entry(fault).or_default() += times;
            }
        }
        drop(state);
        self.report
    }

    fn draw(&mut self) -> Plan {
        let random = &mut self.random;
        let cut_at = match random.below(10) {
            0 => None,
            1 | 2 => Some(random.between(1, 600)),
            _ => Some(random.between(100, 16_000)),
        };
        let climate = if random.chance(150) { Climate::Calm } else { Climate::Changing };
        let left = self.options.operations.saturating_sub(self.known.state().operations);
        Plan { cut_at, climate, operations: random.between(20, 300).min(left.max(1)), rebuild: false, last: false }
    }

    fn live(&mut self, mut plan: Plan) {
        self.lives += 1;
        self.plant.next_life();
        let power = Power::new(plan.cut_at, self.options.traced);
        self.disk = self.disk.after_cut(Arc::clone(&power), &mut self.random);
        self.perhaps_put_back(plan);
        self.perhaps_burn(plan);
        plan.rebuild = self.burnt;
        let mount = Mount::new(Arc::clone(&self.disk));
        let built = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let Ok(runtime) = built else {
            return self.findings.add("no runtime can be made".to_owned());
        };
        power.tell(|| format!("====== life {}: {plan:?}", self.lives));
        let panics = crate::panics();
        let (lived, rebuilt) = runtime.block_on(async {
            let began = tokio::time::Instant::now();
            let mut life = self.life(plan, &power, mount.path("catalog"));
            tokio::select! {
                biased;
                () = power.wait_for_cut() => {}
                () = tokio::time::sleep(LIFE_MAX) => self.findings.add("a life does not end".to_owned()),
                () = life.live() => {}
            }
            (began.elapsed(), life.is_rebuilt)
        });
        self.burnt = self.burnt && !rebuilt;
        let cut = !power.is_on();
        drop(runtime);
        power.bury();
        power.cut_now();
        drop(mount);
        if crate::panics() > panics {
            self.findings.add(format!("something panicked: {}", crate::last_panic()));
        }
        self.ground.sites.iter().for_each(|site| site.after_cut());
        self.note(cut, lived, &power);
    }

    fn note(&mut self, cut: bool, lived: Duration, power: &Power) {
        let report = &mut self.report;
        report.lives += 1;
        report.cuts += u64::from(cut);
        report.calls += power.calls();
        report.digest = report.digest.rotate_left(7) ^ power.digest();
        let down = self.random.between(1_000, 600_000);
        report.simulated_ms += u64::try_from(lived.as_millis()).unwrap_or(0) + down;
        report.trace.extend(power.take_trace());
    }

    /// Now and then somebody copies the catalog while it is at rest, and puts the copy back later.
    fn perhaps_put_back(&mut self, plan: Plan) {
        if self.lives < 4 || plan.last || self.burnt {
            return;
        }
        if self.joins.is_some_and(|joins| joins.found_in() == self.lives) {
            // A catalog that knows neither the site nor the root that came after it is refused as it is: none from
            // before this life is put back.
            self.backup = None;
            return;
        }
        if self.random.chance(100) {
            self.backup = Some(self.disk.copy());
        } else if self.random.chance(100)
            && let Some(backup) = &self.backup
        {
            self.disk.put_back(backup);
            *self.report.faults.entry("an older catalog put back").or_default() += 1;
        }
    }

    /// Now and then the catalog is lost with its disk and every copy of it.
    fn perhaps_burn(&mut self, plan: Plan) {
        if self.options.breadth >= Breadth::Wide && self.lives >= 4 && !plan.last && self.random.chance(80) {
            *self.report.faults.entry("the catalog burnt").or_default() += 1;
            self.burnt = true;
            self.disk.burn();
            self.backup = None;
        }
    }

    fn life(&mut self, plan: Plan, power: &Arc<Power>, path: String) -> Life {
        let wall = 1_790_000_000_000 + i64::try_from(self.report.simulated_ms).unwrap_or(0);
        let entropy = Seeded::new(self.random.fork(), self.plant.is(Plant::RepeatNames));
        let outside = Outside {
            clock: Arc::new(VirtualClock::new(wall)),
            entropy: Arc::new(entropy),
            blocking: Arc::new(PoweredWork(Arc::clone(power))),
        };
        Life {
            plan,
            random: self.random.fork(),
            ground: Arc::clone(&self.ground),
            known: self.known.clone(),
            findings: Arc::clone(&self.findings),
            power: Arc::clone(power),
            plant: self.plant.clone(),
            damage: Arc::clone(&self.damage),
            roots: Arc::clone(&self.roots),
            settings: self.settings.clone(),
            profiles: self.profiles.clone(),
            breadth: self.options.breadth,
            absent: self.joins.filter(|joins| self.lives < joins.found_in()).map(|joins| joins.vendor),
            is_added: self.joins.is_some_and(|joins| joins.is_added && joins.life == self.lives),
            outside,
            path,
            is_rebuilt: false,
        }
    }
}

/// Of each bucket. In the wide world every third is one whose buckets all promise to outlive two vendors.
fn draw_profiles(breadth: Breadth, random: &mut Random) -> Vec<Profile> {
    let all = [Profile::Quad, Profile::Econ, Profile::Mirror(2), Profile::Mirror(3), Profile::Quad];
    let two = [Profile::Quad, Profile::Mirror(3)];
    let from = if breadth >= Breadth::Wide && random.chance(333) { &two[..] } else { &all[..] };
    (0..founding::buckets(breadth)).filter_map(|_| random.pick(from).copied()).collect()
}
