//! `entente site add`: a further site, checked, written into the settings of the running Entente, and used by it.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use http::Method;

use super::client::Client;
use super::{Output, size};
use crate::api::wire::{AddedSite, NewSiteCheck, SitePlan, Used};
use crate::args::AddSiteArgs;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;

/// Far above any entry, and what the API takes of one.
const ENTRY_BYTES_MAX: u64 = 12 << 10;

pub fn run(args: &AddSiteArgs, output: Output) -> Result<(), Failure> {
    let new = NewSiteCheck { entry: entry(&args.entry)? };
    // A site that does not answer is waited for.
    let client = Client::asked(&args.asker)?.patient();
    if args.plan {
        let plan: SitePlan = client.ask(Method::POST, "/api/v1/site-plan", &new)?;
        return output.show(&plan, || format!("Behind what stands in `{}`:\n{}", plan.file, plan.text));
    }
    let progress = Progress::here(output);
    progress.wait("writing to the site, and reading it back");
    let added: Result<AddedSite, Failure> = client.ask(Method::POST, "/api/v1/sites", &new);
    progress.end();
    let added = added?;
    output.done(&added, &sentence(&added))
}

fn sentence(added: &AddedSite) -> String {
    let AddedSite { name, file, used, why, .. } = added;
    let tells = "`entente bucket move-data --all --plan` tells what would move there";
    match used {
        Used::Now => format!("`{name}` works, stands in `{file}` and takes new writes: {tells}."),
        Used::NextStart => format!(
            "`{name}` works and stands in `{file}`, but is not used yet: {}. The next start tries again; then {tells}.",
            why.as_deref().unwrap_or("it was not taken in")
        ),
    }
}

fn entry(path: &Path) -> Result<String, Failure> {
    let read = |from: &mut dyn Read| {
        let mut text = String::new();
        from.take(ENTRY_BYTES_MAX + 1).read_to_string(&mut text).map(|_| text)
    };
    let text = match path.to_str() {
        Some("-") => read(&mut io::stdin().lock()),
        _ => fs::File::open(path).and_then(|mut file| read(&mut file)),
    };
    let text = text.map_err(|error| Failure::io(Exit::Usage, "read the entry", path, &error))?;
    match text.len() as u64 > ENTRY_BYTES_MAX {
        true => {
            let why = format!("an entry of more than {} is no site: write one [[site]]", size(ENTRY_BYTES_MAX));
            Err(Failure::new(Exit::Usage, why))
        }
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::tests::scratch;

    #[test]
    fn what_cannot_be_an_entry_is_not_sent() {
        let folder = scratch("entry");
        let path = folder.join("site.toml");
        assert!(entry(&path).unwrap_err().to_string().contains("read the entry"));
        fs::write(&path, "[[site]]\n").unwrap();
        assert_eq!(entry(&path).unwrap(), "[[site]]\n");
        fs::write(&path, "x".repeat(20_000)).unwrap();
        assert!(entry(&path).unwrap_err().to_string().contains("more than 12 KiB"));
        fs::remove_dir_all(folder).unwrap();
    }
}
