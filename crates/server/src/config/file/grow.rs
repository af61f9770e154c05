//! One more site in the settings file that Entente was started with.
//!
//! What gives access to a site must outlive the data directory: so it stands in the settings, and nowhere else. The file
//! is replaced whole, or not at all.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::{Complaints, NoSite, clash, further_site, parse};
use crate::config::{Config, SiteConfig};
use crate::files;

/// Why a site was not added. The settings are as they were.
#[derive(Debug)]
pub enum NotAdded {
    /// The entry is no site, or may not be added.
    Wrong(String),
    /// Its name or its place is another site's.
    Taken(String),
    /// The settings cannot be changed.
    Settings(String),
}

/// What would be written, where, and over what.
#[derive(Debug)]
pub struct Addition {
    pub site: SiteConfig,
    /// The file itself, where its name is a link.
    pub path: PathBuf,
    /// What is written behind what stands there.
    pub text: String,
    before: String,
}

/// Reads the settings as they are now, and the entry as if it stood behind them. Nothing is changed.
pub fn addition(config: &Config, entry: &str) -> Result<Addition, NotAdded> {
    let site = further_site(entry, config).map_err(|refused| match refused {
        NoSite::Wrong(why) => NotAdded::Wrong(why),
        NoSite::Taken(why) => NotAdded::Taken(why),
    })?;
    let Some(file) = &config.file else {
        let why = "Entente was started without a settings file, so there is nowhere to add a site: write one with all \
                   sites in it, and start with --config FILE";
        return Err(NotAdded::Settings(why.to_owned()));
    };
    let (path, before) = read(file)?;
    let base = file.parent().unwrap_or(Path::new("/"));
    let then = parse(&before, base).map_err(|complaints| {
        let why = format!(
            "the settings have changed since the start and cannot be read any more: {}",
            told(file, &complaints)
        );
        NotAdded::Settings(format!("{why}: mend them, then add the site"))
    })?;
    if let Some(why) = then.sites.iter().find_map(|other| clash(&site, other)) {
        return Err(NotAdded::Taken(format!("{why}; it stands in the settings and waits for a restart")));
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "\n" } else { "\n\n" };
    let text = format!("{gap}{}\n", entry.trim());
    // Behind the last table an entry could come to mean something else: it must be this site and nothing more.
    let mut wanted = then;
    wanted.sites.push(site.clone());
    let after = parse(&format!("{before}{text}"), base);
    if after.as_ref().ok() != Some(&wanted) {
        let why = "behind the settings the entry does not mean what it means alone: begin it with [[site]]";
        return Err(NotAdded::Wrong(why.to_owned()));
    }
    writable(&path)?;
    Ok(Addition { site, path, text, before })
}

impl Addition {
    /// Replaces the file by itself and the entry, with its owner and its permissions. `suffix`, random, names the
    /// temporary file beside it.
    pub fn write(&self, suffix: &str) -> Result<(), NotAdded> {
        let cannot = |what: &str, error: std::io::Error| {
            NotAdded::Settings(format!("cannot {what} `{}`: {error}", self.path.display()))
        };
        let held = fs::metadata(&self.path).map_err(|error| cannot("look at", error))?;
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{suffix}.new"));
        let temporary = self.path.with_file_name(name);
        let written = || {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(files::PRIVATE_FILE).open(&temporary)?;
            file.write_all(self.before.as_bytes())?;
            file.write_all(self.text.as_bytes())?;
            let made = file.metadata()?;
            if (made.uid(), made.gid()) != (held.uid(), held.gid()) {
                fchown(&file, Some(held.uid()), Some(held.gid()))?;
            }
            file.set_permissions(held.permissions())?;
            file.sync_all()
        };
        let replaced = written().map_err(|error| cannot("write beside", error)).and_then(|()| {
            // Whoever edits it meanwhile is not overwritten.
            match fs::read_to_string(&self.path).is_ok_and(|now| now == self.before) {
                true => fs::rename(&temporary, &self.path).map_err(|error| cannot("replace", error)),
                false => Err(NotAdded::Settings("the settings were changed at this moment: ask again".to_owned())),
            }
        });
        if replaced.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        replaced?;
        files::sync_parent(&self.path).map_err(|error| cannot("sync what names", error))
    }
}

/// Sites that stand in the settings as they are now, and not in these, which are in use. Settings that cannot be read tell
/// of none.
pub fn waiting(config: &Config) -> Vec<SiteConfig> {
    let Some(file) = &config.file else { return Vec::new() };
    let text = fs::read_to_string(file).unwrap_or_default();
    let Ok(then) = parse(&text, file.parent().unwrap_or(Path::new("/"))) else { return Vec::new() };
    let runs = |site: &SiteConfig| config.sites.iter().any(|other| other.name == site.name);
    then.sites.into_iter().filter(|site| !runs(site)).collect()
}

/// The file that the name leads to, and what stands in it.
fn read(file: &Path) -> Result<(PathBuf, String), NotAdded> {
    let cannot = |error: std::io::Error| {
        NotAdded::Settings(format!("cannot read the settings `{}` any more: {error}: put them back", file.display()))
    };
    let path = file.canonicalize().map_err(cannot)?;
    let text = fs::read_to_string(&path).map_err(cannot)?;
    Ok((path, text))
}

/// Whoever took the file's right to be written to means it, also against who could write it all the same.
fn writable(path: &Path) -> Result<(), NotAdded> {
    let opened = OpenOptions::new().append(true).open(path).and_then(|file| file.metadata());
    let may = opened.and_then(|held| match held.permissions().mode() & 0o222 {
        0 => Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, "it is read-only")),
        _ => Ok(()),
    });
    may.map_err(|error| {
        let why = format!("the settings `{}` cannot be written to: {error}", path.display());
        NotAdded::Settings(format!("{why}: append the entry by hand"))
    })
}

fn told(file: &Path, complaints: &Complaints) -> String {
    let lines = complaints.iter().map(|(line, what)| format!("{}:{line}: {what}", file.display()));
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file;
    use crate::data_dir::tests::scratch;

    const HEAD: &str = "[enclave]\ndata_dir = \"data\"\nroot_key = \"keys/root\"\ndefault_profile = \"mirror-1\"\n\n";
    const ENTRY: &str = "[[site]]\nname = \"hall-e\"\nvendor = \"own\"\nkind = \"s3\"\nregion = \"cellar\"\nbucket = \"pieces\"\nendpoint = \"http://127.0.0.1:9\"\nanonymous = true\n";

    fn local(name: &str) -> String {
        format!("[[site]]\nname = \"{name}\"\nvendor = \"own\"\nkind = \"local\"\npath = \"sites/{name}\"\n")
    }

    /// Settings of one site, as they were read at a start.
    fn started(test: &str) -> (PathBuf, Config) {
        let folder = scratch(test);
        let path = folder.join("entente.toml");
        fs::write(&path, HEAD.to_owned() + &local("hall-a")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let config = file::read(&path).unwrap();
        (path, config)
    }

    fn why(refused: NotAdded) -> (&'static str, String) {
        match refused {
            NotAdded::Wrong(why) => ("wrong", why),
            NotAdded::Taken(why) => ("taken", why),
            NotAdded::Settings(why) => ("settings", why),
        }
    }

    fn check(config: &Config, entry: &str, kind: &str, says: &str) {
        let before = config.file.as_ref().map(|path| fs::read(path).ok());
        let refused = why(addition(config, entry).unwrap_err());
        assert!(refused.0 == kind && refused.1.contains(says), "{kind} `{says}`: {refused:?}");
        assert_eq!(config.file.as_ref().map(|path| fs::read(path).ok()), before, "{says}");
    }

    #[test]
    fn a_site_is_appended_and_waits_for_a_restart() {
        let (path, config) = started("grown");
        let link = path.with_file_name("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let config = Config { file: Some(link.clone()), ..config };
        let before = fs::read_to_string(&path).unwrap();
        assert!(waiting(&config).is_empty());
        let one = addition(&config, &format!("\n# ours\n{ENTRY}\n\n")).unwrap();
        assert_eq!(
            (one.path.as_path(), one.text.clone()),
            (&*path.canonicalize().unwrap(), format!("\n# ours\n{ENTRY}"))
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), before, "a plan changes nothing");
        one.write("1").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), before.clone() + &one.text);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "the link still leads there");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2, "nothing else is left");

        assert_eq!(waiting(&config), std::slice::from_ref(&one.site));
        let next = file::read(&link).unwrap();
        assert_eq!(next.sites.last(), Some(&one.site));
        assert_eq!(next.sites.len(), 2);
        check(&config, ENTRY, "taken", "it stands in the settings and waits for a restart");
        check(&config, &ENTRY.replace("hall-e", "hall-f"), "taken", "the site `hall-e` lies there already");
        check(&next, ENTRY, "taken", "a site called `hall-e` is there already");

        // A file that does not end in a line's end, and one that was changed meanwhile.
        fs::write(&path, before.trim_end()).unwrap();
        let late = addition(&config, ENTRY).unwrap();
        fs::write(&path, before.clone() + "# mine\n").unwrap();
        let refused = why(late.write("2").unwrap_err());
        assert!(refused.1.contains("ask again"), "{refused:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), before.clone() + "# mine\n");
        fs::write(&path, before.trim_end()).unwrap();
        late.write("3").unwrap();
        assert_eq!(file::read(&path).unwrap().sites.len(), 2);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn settings_that_cannot_be_changed_are_left_as_they_are() {
        let (path, config) = started("kept");
        check(&config, "", "wrong", "write one [[site]]");
        check(&config, &ENTRY.replace("bucket", "buckets"), "wrong", "line 6 of the entry");
        check(&config, &local("hall-a"), "taken", "a site called `hall-a` is there already");
        // Alone it is a site; behind the settings it would be a setting of the last one.
        let inline = "site = [{ name = \"b\", vendor = \"own\", kind = \"local\", path = \"b\" }]\n";
        check(&config, inline, "wrong", "begin it with [[site]]");
        check(&Config { file: None, ..config.clone() }, ENTRY, "settings", "start with --config FILE");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        check(&config, ENTRY, "settings", "append the entry by hand");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(&path, HEAD.replace("data_dir", "data_dri")).unwrap();
        check(&config, ENTRY, "settings", "entente.toml:2: `data_dri`");
        assert!(waiting(&config).is_empty());
        fs::remove_file(&path).unwrap();
        check(&config, ENTRY, "settings", "put them back");
        assert!(waiting(&config).is_empty());
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
