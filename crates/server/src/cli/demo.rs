//! `entente demo`: a few minutes of a small enclave's life, told as they happen.
//!
//! It starts an enclave of its own in a directory of its own (or takes an empty one that runs), makes labels,
//! people, buckets and files, takes a vendor away, reads all of it all the same, brings the vendor back and waits
//! until the promise holds again. Everything it does is done by this program's own commands, which it prints, and by
//! presigned links: nothing is played.

mod content;
mod enclave;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use self::content::{BUCKETS, Bucket, File, PEOPLE, Person, files};
use self::enclave::Enclave;
use super::client::Client;
use super::keeping::worked;
use super::{Output, count, follow, size};
use crate::api::wire::{EvacuationPlan, Health, Sites, Status, Users};
use crate::args::{DemoArgs, PlaceArgs};
use crate::credentials::Credentials;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::stop;

/// Which vendor is taken away.
const TAKEN: &str = "google";
/// A site is left out within seconds, and takes part again half a minute after it came back.
const PATIENCE: Duration = Duration::from_secs(180);

pub fn run(args: &DemoArgs, output: Output) -> Result<(), Failure> {
    let told = Told { output, began: Instant::now(), stop: stop::watched()? };
    let enclave = match named(&args.place) {
        true => Enclave::running(&args.place)?,
        false => Enclave::start()?,
    };
    let mut made = Made::default();
    let lived = live(&enclave, &told, &mut made);
    // A vendor that was taken away is put back, whatever happened.
    let back = enclave.put_back(TAKEN);
    let lived = lived.and_then(|lived| back.map(|()| lived));
    let kept = args.keep && lived.is_ok();
    let ended = match kept {
        true => enclave.keep(output),
        false => clear(&enclave, &made, output).and(enclave.end()),
    };
    if let (Err(_), Err(stayed)) = (&lived, &ended) {
        output.talk(&format!("not all that the demo made is gone again: {stayed}"));
    }
    let lived = lived?;
    ended?;
    output.show(
        &json!({ "demo": "done", "kept": kept, "data_dir": kept.then(|| lived.data_dir.clone()),
        "console_url": lived.console_url.filter(|_| kept), "keys": kept.then(|| shown(&made.keys)),
        "objects": lived.objects, "bytes": lived.bytes,
        "read_while_a_vendor_was_gone": lived.read, "seconds": told.began.elapsed().as_secs() }),
        String::new,
    )
}

fn named(place: &PlaceArgs) -> bool {
    place.config.is_some() || place.data_dir.is_some()
}

/// What there is of it so far, to be taken away again wherever it ends.
#[derive(Default)]
struct Made {
    people: Vec<&'static str>,
    keys: Vec<enclave::Key>,
    buckets: Vec<&'static Bucket>,
}

/// What came of it.
struct Lived {
    data_dir: String,
    console_url: Option<String>,
    objects: usize,
    bytes: u64,
    /// Objects that were read, each byte compared, while a vendor was gone.
    read: usize,
}

/// Tells on stdout what happens: to people a story, to programs nothing but its end.
struct Told {
    output: Output,
    began: Instant,
    stop: CancellationToken,
}

impl Told {
    /// Between two steps of a demo: one that is interrupted ends here, and cleans up.
    fn goes_on(&self) -> Result<(), Failure> {
        if self.stop.is_cancelled() {
            return Err(Failure::new(
                Exit::Unfinished,
                "interrupted: the vendor is put back, and what was started for it is ended and removed",
            ));
        }
        Ok(())
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        self.goes_on()?;
        match self.output {
            Output::Text => super::print(&format!("{text}\n")),
            Output::Json => Ok(()),
        }
    }
}

fn live(enclave: &Enclave, told: &Told, made: &mut Made) -> Result<Lived, Failure> {
    let client = Client::of(&enclave.place())?;
    refuse_used(enclave, &client)?;
    told.say(&format!("An enclave runs in {}: four directories stand for four vendors.\n", enclave.dir().display()))?;

    told.say("People, each with what they are cleared for:")?;
    for person in PEOPLE {
        let who = ["user", "create", person.name, "--role", person.role, "--clearance", person.clearance];
        enclave.command(told, &who)?;
        made.people.push(person.name);
    }
    for person in PEOPLE.iter().filter(|person| person.signs_in) {
        made.keys.push(enclave.key(person.name, person.clearance)?);
    }
    let keys = &made.keys;
    told.say("\nBuckets, each at the label of whoever makes it, and what lies in them:")?;
    let files = files();
    let progress = Progress::here(told.output);
    progress.begin("files stored", Some(files.len() as u64));
    for bucket in &BUCKETS {
        enclave.make(bucket.name, of(keys, bucket)?)?;
        made.buckets.push(bucket);
    }
    for file in &files {
        told.goes_on()?;
        enclave.put(file, by(keys, file)?)?;
        progress.advance(1);
    }
    progress.end();
    let bytes = files.iter().map(|file| file.content.len() as u64).sum();
    for bucket in &BUCKETS {
        let held = files.iter().filter(|file| file.bucket == bucket.name);
        let (count, sum) = held.fold((0, 0), |(count, sum), file| (count + 1, sum + file.content.len() as u64));
        told.say(&format!("  s3://{:<16} {:<13} {count} files, {}", bucket.name, of(keys, bucket)?.label, size(sum)))?;
    }

    told.say(&format!("\nNow the vendor {TAKEN} is gone: its directory is moved away.\n"))?;
    enclave.take_away(TAKEN)?;
    let mut read = 0;
    for file in &files {
        told.goes_on()?;
        read += usize::from(enclave.get(file, by(keys, file)?)? == file.content);
    }
    if read != files.len() {
        return Err(Failure::new(
            Exit::Failed,
            format!("{} of {} files did not come back", files.len() - read, files.len()),
        ));
    }
    told.say(&format!("All {read} files were read meanwhile, and every byte is as it was."))?;
    let late = late();
    enclave.put(&late, by(keys, &late)?)?;
    until(told, "waiting until the vendor is left out", &client, |status| out(status, TAKEN))?;
    told.say("Writes go on, with one vendor fewer to lose:\n")?;
    enclave.command(told, &["status"])?;
    told.say(&format!("\n{}", leaving(&client)))?;
    if let Some(url) = enclave.console_url() {
        told.say(&format!(
            "The console shows it at {url}: to the operator sites and what became of them, to owners their buckets.\n"
        ))?;
        told.say("  Its keys hold until this ends, within a minute or two; with --keep it goes on running, to be looked at.\n")?;
        told.say(&format!("  {:<14} {:<13} {:<21} SECRET KEY", "SIGN IN AS", "LABEL", "ACCESS KEY"))?;
        for key in keys {
            let Credentials { access_key, secret_key } = &key.credentials;
            told.say(&format!("  {:<14} {:<13} {access_key:<21} {}", key.user, key.label, **secret_key))?;
        }
    }

    told.say(&format!("\n{TAKEN} is back; it takes part again when it answered well for half a minute."))?;
    enclave.put_back(TAKEN)?;
    until(told, "waiting until the promise holds again", &client, whole)?;
    enclave.command(told, &["status"])?;
    if enclave.get(&late, by(keys, &late)?)? != late.content {
        return Err(lost("what was written meanwhile"));
    }
    told.say(&format!(
        "\nEverything outlives the loss of any two vendors again, after {} s.",
        told.began.elapsed().as_secs()
    ))?;
    Ok(Lived {
        data_dir: enclave.dir().display().to_string(),
        console_url: enclave.console_url(),
        objects: files.len() + 1,
        bytes,
        read,
    })
}

/// Takes out of an enclave that goes on what was made there. Nobody is struck off, since what they did stays theirs:
/// people are suspended.
fn clear(enclave: &Enclave, made: &Made, output: Output) -> Result<(), Failure> {
    if enclave.is_own() || made.people.is_empty() {
        return Ok(());
    }
    // A bucket that cannot be emptied leaves no key that opens it: their secrets were printed.
    let emptied = made.buckets.iter().map(|bucket| empty(enclave, bucket, of(&made.keys, bucket)?));
    let revoked = made.keys.iter().map(|key| enclave.said(&["key", "revoke", &key.credentials.access_key]).map(drop));
    let suspended = made.people.iter().map(|person| enclave.said(&["user", "set", person, "--suspend"]).map(drop));
    let done: Vec<Result<(), Failure>> = emptied.chain(revoked).chain(suspended).collect();
    done.into_iter().collect::<Result<(), _>>()?;
    output.talk("\nWhat the demo made is gone again, and its people are suspended; with --keep all of it stays.");
    Ok(())
}

fn empty(enclave: &Enclave, bucket: &Bucket, key: &enclave::Key) -> Result<(), Failure> {
    for file in files().iter().chain([&late()]).filter(|file| file.bucket == bucket.name) {
        enclave.delete(&format!("{}/{}", file.bucket, file.key), key)?;
    }
    enclave.delete(bucket.name, key)
}

/// Keys as `key create` tells them.
fn shown(keys: &[enclave::Key]) -> Vec<serde_json::Value> {
    let one = |key: &enclave::Key| {
        let Credentials { access_key, secret_key } = &key.credentials;
        json!({ "user": key.user, "label": key.label, "access_key": access_key, "secret_key": **secret_key })
    };
    keys.iter().map(one).collect()
}

/// What it would take to do without the vendor for good.
fn leaving(client: &Client) -> String {
    let sites = Sites { sites: vec![TAKEN.to_owned()] };
    let plan: Result<EvacuationPlan, Failure> = client.ask(Method::POST, "/api/v1/evacuation-plan", &sites);
    match plan {
        Ok(plan) => format!(
            "To do without {TAKEN} for good would take {} computed from the other vendors and {} coded anew: {}.",
            count(plan.computed, "segment"),
            plan.recoded,
            worked(&plan.work)
        ),
        Err(failure) => format!("To do without {TAKEN} for good: {failure}."),
    }
}

fn by<'a>(keys: &'a [enclave::Key], file: &File) -> Result<&'a enclave::Key, Failure> {
    of(keys, BUCKETS.iter().find(|bucket| bucket.name == file.bucket).ok_or_else(|| lost("a bucket"))?)
}

fn of<'a>(keys: &'a [enclave::Key], bucket: &Bucket) -> Result<&'a enclave::Key, Failure> {
    keys.iter().find(|key| key.user == bucket.owner).ok_or_else(|| lost("a key"))
}

/// Something that is written while a vendor is gone.
fn late() -> File {
    let content = b"placed while a vendor was gone\n".to_vec();
    File { bucket: "supply", key: "orders/late.txt".to_owned(), content }
}

fn lost(what: &str) -> Failure {
    Failure::new(Exit::Failed, format!("{what} is missing: the demo and the program do not fit, so please report it"))
}

/// A demo makes people and buckets: it is nothing for an enclave that somebody uses.
fn refuse_used(enclave: &Enclave, client: &Client) -> Result<(), Failure> {
    let status: Status = client.call(Method::GET, "/api/v1/status", Vec::new())?;
    let used = match status.sums.map_or(0, |sums| sums.buckets) {
        0 => somebody(&enclave.said(&["user", "list", "--json"])?)?
            .map(|name| format!("this enclave knows somebody called `{name}`, maybe of an earlier demo")),
        buckets => Some(format!("this enclave has {}", count(buckets, "bucket"))),
    };
    let Some(used) = used else { return Ok(()) };
    let why = format!("{used}: the demo is for an empty one. Leave out --data-dir and --config, and it makes its own");
    Err(Failure::new(Exit::Usage, why))
}

/// One of the demo's people who is among the users that `user list` tells.
fn somebody(said: &str) -> Result<Option<&'static str>, Failure> {
    let Users { users, .. } = serde_json::from_str(said)
        .map_err(|error| Failure::new(Exit::Failed, format!("the answer is not understood: {error}")))?;
    let known = |person: &&Person| users.iter().any(|user| user.user == person.name);
    Ok(PEOPLE.iter().find(known).map(|person| person.name))
}

fn out(status: &Status, name: &str) -> bool {
    status.sites.iter().any(|site| site.name == name && site.writes == Health::Out)
}

fn whole(status: &Status) -> bool {
    let promised = status.sums.as_ref().is_none_or(|sums| sums.below_promise == 0 && sums.unshown == 0);
    promised && status.sites.iter().all(|site| site.reads == Health::Well && site.writes == Health::Well)
}

fn until(told: &Told, what: &'static str, client: &Client, over: impl Fn(&Status) -> bool) -> Result<(), Failure> {
    let progress = Progress::here(told.output);
    progress.wait(what);
    let began = Instant::now();
    follow(|| {
        told.goes_on()?;
        let status: Status = client.call(Method::GET, "/api/v1/status", Vec::new())?;
        if began.elapsed() > PATIENCE {
            let why = format!("{what} took more than {} s: see `entente status`", PATIENCE.as_secs());
            return Err(Failure::new(Exit::Unfinished, why));
        }
        Ok(over(&status).then_some(()))
    })
}

/// Moves a directory there and back; it is there once.
fn moved(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::rename(from, to).map_err(|error| Failure::io(Exit::Failed, "move", from, &error))
}
