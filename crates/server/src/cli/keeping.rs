//! `entente repair`, and `entente site list | suspend | activate | evacuate`.

use std::fmt::Write;

use http::Method;
use serde_json::json;

use super::client::Client;
use super::{Output, agreed, count, follow, health, size, table, table_toned};
use crate::api::wire::{
    Compared, EvacuationPlan, KeptSite, KeptSites, NewRepair, NotAsked, RepairPlan, RepairState, SetSites, Shift,
    Sites, Waiting, WaitingSite, Work,
};
use crate::args::{AskerArgs, EvacuateArgs, RepairArgs, SetSitesArgs};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;

pub fn repair(args: &RepairArgs, output: Output) -> Result<(), Failure> {
    let client = Client::asked(&args.asker)?.patient();
    if args.plan {
        let plan: RepairPlan = client.call(Method::GET, "/api/v1/repair-plan", Vec::new())?;
        return output.show(&plan, || planned_repair(&plan));
    }
    client.tell(Method::POST, "/api/v1/repairs", &NewRepair { beyond_budget: args.beyond_budget })?;
    let progress = Progress::here(output);
    let mut begun = false;
    let state = follow(|| {
        let state: RepairState = client.call(Method::GET, "/api/v1/repairs", Vec::new())?;
        if !std::mem::replace(&mut begun, true) {
            progress.begin("segments looked at", Some(state.of));
        }
        progress.reach(state.segments);
        Ok(state.over.then_some(state))
    })?;
    progress.end();
    output.show(&state, || repaired(&state))?;
    ended(&state)
}

fn ended(state: &RepairState) -> Result<(), Failure> {
    match (unfinished(state), &state.failed) {
        (Some(why), Some(_)) => Err(Failure::new(Exit::Failed, why)),
        (Some(why), None) => Err(Failure::new(Exit::Unfinished, why)),
        (None, _) => Ok(()),
    }
}

/// What was done, and what the sites' listings said of it.
fn repaired(state: &RepairState) -> String {
    let mut text = format!("{}; {} still below their promise\n", worked(&state.work), state.left);
    let Some(Compared { sites, pieces, missing, restored, not_asked }) = &state.compared else { return text };
    for NotAsked { site, why, .. } in not_asked {
        let _ = writeln!(text, "{site} was not compared: it is {why}");
    }
    let found = match missing {
        0 => "nothing is missing".to_owned(),
        1 => "1 is missing".to_owned(),
        missing => format!("{missing} are missing"),
    };
    let restored = match restored {
        0 => String::new(),
        1 => "1 was missing and is restored, ".to_owned(),
        restored => format!("{restored} were missing and are restored, "),
    };
    let (pieces, sites) = (count(*pieces, "piece"), count(*sites, "site"));
    let _ = writeln!(text, "{pieces} at {sites} compared with their listings: {restored}{found}");
    text
}

/// Why the repair is not finished, if it is not.
fn unfinished(state: &RepairState) -> Option<String> {
    if let Some(why) = &state.failed {
        return Some(format!("the repair broke off: {why}; ask again"));
    }
    if state.left > 0 {
        let verb = |segments| if segments == 1 { "waits" } else { "wait" };
        let waits =
            state.waits.iter().map(|wait| format!("{} {} for {}", wait.segments, verb(wait.segments), wait.why));
        let waits = waits.collect::<Vec<_>>().join("; ");
        let left = agreed(state.left, "segment", "is below its promise", "are below their promise");
        return Some(format!("{left}: {waits}; see `entente status`, and ask again"));
    }
    let compared = state.compared.as_ref()?;
    if compared.missing > 0 {
        let missing = agreed(compared.missing, "piece", "is missing", "are missing");
        return Some(format!("{missing} still: see `entente findings`, and ask again"));
    }
    let asked_in_vain = compared.not_asked.iter().filter(|not| !not.on_purpose).map(|not| not.site.as_str());
    let sites = asked_in_vain.collect::<Vec<_>>().join(" and ");
    (!sites.is_empty()).then(|| format!("nothing proves what lies at {sites}: ask again"))
}

fn planned_repair(plan: &RepairPlan) -> String {
    if plan.by_spare.is_empty() && plan.waiting == 0 {
        return "everything keeps its promise: there is nothing to repair\n".to_owned();
    }
    let row = |spare: &crate::api::wire::Spare| {
        let Work { segments, pieces, bytes_read, bytes_written, requests, dollars } = spare.work;
        [
            spare.spare.to_string(),
            segments.to_string(),
            pieces.to_string(),
            size(bytes_read),
            size(bytes_written),
            requests.to_string(),
            format!("{dollars:.4}"),
        ]
    };
    let rows: Vec<_> = plan.by_spare.iter().map(row).collect();
    let mut text = table(["SPARE", "SEGMENTS", "PIECES", "READ", "WRITTEN", "REQUESTS", "DOLLARS"], &rows);
    let _ = writeln!(text, "in all {}", worked(&plan.work));
    for wait in &plan.waits {
        let _ = writeln!(text, "{}", waits(wait));
    }
    text
}

pub fn waits(wait: &Waiting) -> String {
    format!("{} for {}", agreed(wait.segments, "segment", "waits", "wait"), wait.why)
}

pub fn worked(work: &Work) -> String {
    let Work { segments: _, pieces, bytes_read, bytes_written, requests, dollars } = work;
    format!(
        "{}, {} read and {} written in {}, ${dollars:.4} at list prices",
        count(*pieces, "piece"),
        size(*bytes_read),
        size(*bytes_written),
        count(*requests, "request")
    )
}

/// Tells what is waited for whenever that is something else than before.
#[derive(Default)]
pub struct Told(Vec<Waiting>);

impl Told {
    pub fn say(&mut self, progress: &Progress, waiting: &[Waiting]) {
        let whys = |waiting: &[Waiting]| waiting.iter().map(|wait| wait.why.clone()).collect::<Vec<_>>();
        if whys(&self.0) != whys(waiting) {
            for wait in waiting {
                // Of what waits as a whole there are none.
                let text = match wait.segments {
                    0 => format!("waiting for {}", wait.why),
                    _ => waits(wait),
                };
                progress.remark(&text, &json!({ "waiting": wait }));
            }
            self.0 = waiting.to_vec();
        }
    }
}

pub fn list(asker: &AskerArgs, output: Output) -> Result<(), Failure> {
    let kept: KeptSites = Client::asked(asker)?.list("/api/v1/sites")?;
    let row = |site: &KeptSite| {
        [site.name.clone(), site.vendor.clone(), site.region.clone(), site.state.clone(), pieces_of(site)]
    };
    let rows = || kept.sites.iter().map(row).collect::<Vec<_>>();
    output.show(&kept, || table_toned(["SITE", "VENDOR", "REGION", "STATE", "PIECES"], &rows(), health) + &wait(&kept))
}

/// Those that stand in the settings and do not run yet.
fn wait(kept: &KeptSites) -> String {
    let line = |site: &WaitingSite| format!("{} stands in the settings and waits for a restart\n", site.name);
    kept.waiting.iter().map(line).collect()
}

/// Whoever does not see everything is not told.
fn pieces_of(site: &KeptSite) -> String {
    site.sums.as_ref().map_or_else(|| "-".to_owned(), |sums| sums.pieces.to_string())
}

fn sites(client: &Client) -> Result<Vec<KeptSite>, Failure> {
    Ok(client.list::<KeptSites>("/api/v1/sites")?.sites)
}

pub fn set(args: &SetSitesArgs, state: &str, output: Output) -> Result<(), Failure> {
    let client = Client::asked(&args.asker)?;
    set_state(&client, &args.sites, state)?;
    let done = match (state, args.sites.len()) {
        ("active", 1) => "takes part again",
        ("active", _) => "take part again",
        (_, 1) => "takes nothing, and is asked only in need",
        _ => "take nothing, and are asked only in need",
    };
    output.done(&json!({ "sites": args.sites, "state": state }), &format!("{} {done}.", args.sites.join(", ")))
}

fn set_state(client: &Client, sites: &[String], state: &str) -> Result<(), Failure> {
    let wanted = SetSites { sites: sites.to_vec(), state: state.to_owned() };
    client.tell(Method::POST, "/api/v1/site-states", &wanted)
}

pub fn evacuate(args: &EvacuateArgs, output: Output) -> Result<(), Failure> {
    let client = Client::asked(&args.asker)?.patient();
    let leaving = leaving(&client, args)?;
    let names: Vec<String> = leaving.iter().map(|site| site.name.clone()).collect();
    let plan: EvacuationPlan = client.ask(Method::POST, "/api/v1/evacuation-plan", &Sites { sites: names.clone() })?;
    if args.plan {
        return output.show(&plan, || planned(&plan));
    }
    output.talk(planned(&plan).trim_end());
    set_state(&client, &names, "draining")?;
    if args.no_wait {
        let begun = json!({ "sites": names, "state": "draining", "plan": plan });
        return output.done(&begun, "They are being left; see `entente site list`.");
    }
    let progress = Progress::here(output);
    let mut told = Told::default();
    let to_bring: u64 = pieces(&leaving);
    progress.begin("pieces brought away", Some(to_bring));
    let sites = follow(|| {
        let all = sites(&client)?;
        let ours: Vec<KeptSite> = all.into_iter().filter(|site| names.contains(&site.name)).collect();
        progress.reach(to_bring.saturating_sub(pieces(&ours)));
        if let Some(back) = ours.iter().find(|site| ["active", "suspended"].contains(&site.state.as_str())) {
            let why = format!("`{}` is {} again: somebody else said so meanwhile", back.name, back.state);
            return Err(Failure::new(Exit::Unfinished, why));
        }
        if ours.iter().all(|site| site.state == "detached") {
            return Ok(Some(ours));
        }
        let waits = ours.iter().filter_map(|site| site.sums.as_ref()).flat_map(|sums| sums.waits.clone());
        told.say(&progress, &waits.collect::<Vec<_>>());
        Ok(None)
    })?;
    progress.end();
    let gone = KeptSites { sites, waiting: Vec::new(), next: None };
    output.show(&gone, || left(&gone.sites))
}

fn pieces(sites: &[KeptSite]) -> u64 {
    sites.iter().filter_map(|site| site.sums.as_ref()).map(|sums| sums.pieces).sum()
}

/// The sites that are named, or all of the vendor's.
fn leaving(client: &Client, args: &EvacuateArgs) -> Result<Vec<KeptSite>, Failure> {
    let all = sites(client)?;
    let known = all.iter().map(|site| site.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(vendor) = &args.vendor {
        let of: Vec<KeptSite> = all.iter().filter(|site| site.vendor == *vendor).cloned().collect();
        let why = format!("no site is of vendor `{vendor}`: see `entente site list`");
        return if of.is_empty() { Err(Failure::new(Exit::Absent, why)) } else { Ok(of) };
    }
    let find = |name: &String| {
        let found = all.iter().find(|site| site.name == *name).cloned();
        found.ok_or_else(|| Failure::new(Exit::Absent, format!("no site is called `{name}`: there are {known}")))
    };
    args.sites.iter().map(find).collect()
}

fn planned(plan: &EvacuationPlan) -> String {
    let EvacuationPlan { sites, copied, computed, recoded, waiting: _, waits: waiting, shifts, work, dearer_dollars } =
        plan;
    let mut text = format!(
        "leaving {}: {} copied, {computed} computed from other vendors, {recoded} coded anew\n{}\n",
        sites.join(" and "),
        count(*copied, "segment"),
        worked(work),
    );
    if *dearer_dollars > work.dollars {
        let _ = writeln!(
            text,
            "what can be both copied and computed goes the cheaper way; the other would cost ${dearer_dollars:.4}"
        );
    }
    for shift in shifts {
        let _ = writeln!(text, "{}", shifted(shift));
    }
    for wait in waiting {
        let _ = writeln!(text, "{}", waits(wait));
    }
    text
}

/// How segments lie when the site is left, and what that means.
fn shifted(shift: &Shift) -> String {
    let Shift { segments, bytes, from, can_lose_now, to, can_lose_then } = shift;
    let what = format!("{} ({})", count(*segments, "segment"), size(*bytes));
    let (from, to) = (coded(from, *can_lose_now), coded(to, *can_lose_then));
    let verb = if *segments == 1 { "lies" } else { "lie" };
    let lie = match from == to {
        true => format!("{verb} as {to} still"),
        false => format!("{verb} as {to} instead of {from}"),
    };
    let than = match can_lose_then - can_lose_now {
        0 => "as now".to_owned(),
        more @ 1.. => format!("{more} more than now"),
        fewer => format!("{} fewer than now", -fewer),
    };
    match u64::try_from(*can_lose_then) {
        Ok(spare) => format!("afterwards {what} {lie} and can lose {}, {than}", count(spare, "more vendor")),
        Err(_) => format!("afterwards {what} {lie} and cannot be read: too few pieces are left"),
    }
}

/// A code as people say it: what needs one piece of several is so many copies.
fn coded(code: &str, can_lose: i64) -> String {
    match (code.starts_with("1+"), can_lose + 1) {
        (true, 1) => "1 copy".to_owned(),
        (true, copies) => format!("{copies} copies"),
        (false, _) => code.to_owned(),
    }
}

fn left(sites: &[KeptSite]) -> String {
    let line = |site: &KeptSite| {
        let Some(sums) = &site.sums else { return format!("{} is empty and detached\n", site.name) };
        let other = match sums.dearer_dollars > sums.dollars {
            true => format!("; the other way would have cost ${:.4}", sums.dearer_dollars),
            false => String::new(),
        };
        format!(
            "{} is empty and detached: {}, {} written elsewhere and {} read to do so, ${:.4}{other}\n",
            site.name,
            count(sums.moved_pieces, "piece"),
            size(sums.moved_bytes),
            size(sums.read_bytes),
            sums.dollars,
        )
    };
    sites.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(left: u64, missing: u64, not_asked: &[(&str, bool)]) -> RepairState {
        let not = |(site, on_purpose): &(&str, bool)| NotAsked {
            site: (*site).to_owned(),
            why: "out".to_owned(),
            on_purpose: *on_purpose,
        };
        let not_asked = not_asked.iter().map(not).collect();
        let waits = vec![Waiting { segments: left, why: "google, which is out".to_owned() }];
        let compared = Some(Compared { sites: 3, pieces: 12, missing, restored: 2, not_asked });
        RepairState { left, waits, compared, ..RepairState::default() }
    }

    #[test]
    fn a_plan_says_how_what_lies_there_will_lie() {
        let shift = |from: &str, can_lose_now, to: &str, can_lose_then| {
            let (from, to) = (from.to_owned(), to.to_owned());
            shifted(&Shift { segments: 11, bytes: 18 << 10, from, can_lose_now, to, can_lose_then })
        };
        for (told, says) in [
            (shift("2+2", 2, "1+2", 2), "lie as 3 copies instead of 2+2 and can lose 2 more vendors, as now"),
            (shift("2+2", 2, "2+2", 2), "lie as 2+2 still and can lose 2 more vendors, as now"),
            (shift("2+2", 0, "2+2", 2), "lie as 2+2 still and can lose 2 more vendors, 2 more than now"),
            (
                shift("1+2", 2, "1+1", 1),
                "lie as 2 copies instead of 3 copies and can lose 1 more vendor, 1 fewer than now",
            ),
        ] {
            assert_eq!(told, format!("afterwards 11 segments (18 KiB) {says}"));
            // Of what is lost nothing is said to be spare.
            assert!(shift("2+2", 0, "2+2", -1).ends_with("cannot be read: too few pieces are left"));
        }
    }

    #[test]
    fn a_repair_is_finished_when_the_listings_say_so() {
        assert_eq!(unfinished(&state(0, 0, &[])), None);
        assert_eq!(unfinished(&state(0, 0, &[("own", true)])), None, "who suspends a site knows");
        for (state, why) in [
            (state(2, 0, &[]), "2 wait for google, which is out"),
            (state(0, 3, &[]), "3 pieces are missing still"),
            (state(0, 0, &[("google", false)]), "nothing proves what lies at google"),
            (RepairState { failed: Some("no".to_owned()), ..RepairState::default() }, "broke off: no"),
        ] {
            let found = unfinished(&state).unwrap();
            assert!(found.contains(why), "{found}");
            let exit = if state.failed.is_some() { Exit::Failed } else { Exit::Unfinished };
            assert_eq!(ended(&state).unwrap_err().exit, exit, "{why}");
        }
        assert!(ended(&state(0, 0, &[])).is_ok());
        assert_eq!(Exit::Unfinished as u8, 10, "as scripts know it");
        let text = repaired(&state(0, 3, &[("google", false)]));
        let end = "google was not compared: it is out\n12 pieces at 3 sites compared with their listings: 2 were missing and are restored, 3 are missing\n";
        assert!(text.ends_with(end), "{text}");
    }
}
