//! `entente man [DIR]`: what `--help` says, as pages for `man`, and as one page of Markdown; and the settings.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};
use clap_mangen::Man;
use serde_json::json;

use super::{Output, print};
use crate::args::{Args, ManArgs};
use crate::config;
use crate::failure::{Exit, Failure};

pub fn run(args: &ManArgs, output: Output) -> Result<(), Failure> {
    match (&args.dir, output) {
        (Some(dir), _) => {
            let written = write(dir)?;
            let told = format!("{} pages are in `{}`: see `man -l {}`.", written.len(), dir.display(), first(dir));
            output.done(&json!({ "pages": written }), &told)
        }
        (None, Output::Json) => Err(Failure::new(Exit::Usage, "a page is no JSON: leave out --json, or name a DIR")),
        (None, Output::Text) if args.markdown => print(&markdown(&built())),
        (None, Output::Text) if args.settings => print(&config::tables()),
        (None, Output::Text) => print(&String::from_utf8_lossy(&page(&built())?)),
    }
}

/// With what only building it adds: inherited options, and the commands' full names.
fn built() -> Command {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    command
}

fn first(dir: &Path) -> String {
    dir.join("entente.1").display().to_string()
}

/// A page for each command, named as `man` finds it.
fn write(dir: &Path) -> Result<Vec<String>, Failure> {
    fs::create_dir_all(dir).map_err(|error| Failure::io(Exit::Failed, "create", dir, &error))?;
    let mut written = Vec::new();
    for command in all(&built()) {
        let path = dir.join(format!("{}.1", name(command).replace(' ', "-")));
        fs::write(&path, page(command)?).map_err(|error| Failure::io(Exit::Failed, "write", &path, &error))?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let rendered = Man::new(command.clone()).render(&mut page);
    rendered.map_err(|error| Failure::new(Exit::Failed, format!("cannot make the page: {error}")))?;
    Ok(page)
}

/// As it is typed, such as `entente key create`.
fn name(command: &Command) -> &str {
    command.get_bin_name().unwrap_or_else(|| command.get_name())
}

/// What is below a command, but its help.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help")
}

/// The command and all below it, in their order.
fn all(command: &Command) -> Vec<&Command> {
    let below = shown(command).flat_map(all);
    std::iter::once(command).chain(below).collect()
}

/// All commands on one page: a heading each, with what it takes.
fn markdown(command: &Command) -> String {
    let mut text = String::from("# The command line\n");
    for command in all(command) {
        let _ = write!(text, "\n## `{}`\n\n{}.\n", name(command), said(command));
        let aliases: Vec<_> = command.get_visible_aliases().map(|alias| format!("`{alias}`")).collect();
        if !aliases.is_empty() {
            let _ = write!(text, "\nAlso called {}.\n", aliases.join(", "));
        }
        let _ = write!(text, "\n```text\n{}\n```\n", usage(command));
        let below: Vec<_> = shown(command).collect();
        if !below.is_empty() {
            text.push_str("\n| command | |\n|---|---|\n");
        }
        for below in below {
            let _ = writeln!(text, "| `{}` | {} |", below.get_name(), cell(&said(below)));
        }
        // Those of every command are told once, at the top.
        let top = command.get_name() == "entente";
        let told = |arg: &&Arg| !arg.is_hide_set() && (top || !arg.is_global_set()) && arg.get_id() != "help";
        let arguments: Vec<_> = command.get_arguments().filter(told).collect();
        if !arguments.is_empty() {
            text.push_str("\n| argument | |\n|---|---|\n");
        }
        for argument in arguments {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(
                text,
                "| `{}` | {} |",
                argument.to_string().replace('|', "\\|"),
                cell(&(help + &values(argument)))
            );
        }
    }
    text.push_str("\n## Exit codes\n\n| code | meaning |\n|---|---|\n");
    for (code, meaning) in Exit::LIST {
        let _ = writeln!(text, "| {code} | {meaning} |");
    }
    let _ = writeln!(text, "\n{}", Exit::JSON);
    text
}

fn said(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    about.trim_end_matches('.').to_owned()
}

fn usage(command: &Command) -> String {
    command.clone().render_usage().to_string().trim_start_matches("Usage: ").to_owned()
}

/// Which words it takes, and which variable says the same.
fn values(argument: &Arg) -> String {
    let mut text = String::new();
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|word| !word.is_hide_set() && argument.get_action().takes_values())
        .map(|word| format!("`{}`", word.get_name()))
        .collect();
    if !words.is_empty() {
        let _ = write!(text, "; one of {}", words.join(", "));
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(text, "; also from `{}`", variable.to_string_lossy());
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_a_place_in_the_reference() {
        let built = built();
        let names: Vec<&str> = all(&built).into_iter().map(name).collect();
        assert!(names.contains(&"entente root-key split") && names.len() > 40, "{names:?}");
        let reference = markdown(&built);
        for name in names {
            assert!(reference.contains(&format!("## `{name}`\n")), "{name}");
        }
        assert!(reference.contains("| 12 |") && !reference.contains("--help"), "{reference}");
    }

    #[test]
    fn nobody_types_a_verb_where_a_noun_belongs() {
        // What has verbs below it is a thing; what has none may be done to the enclave as a whole.
        let built = built();
        let nouns: Vec<&str> =
            built.get_subcommands().filter(|one| one.has_subcommands()).map(Command::get_name).collect();
        let expected = [
            "user", "key", "group", "grant", "release", "adoption", "root-key", "label", "site", "bucket", "object",
            "journal",
        ];
        assert_eq!(nouns, expected);
    }

    #[test]
    fn a_page_tells_the_exit_codes() {
        let page = String::from_utf8(page(&built()).unwrap()).unwrap();
        assert!(page.contains("no running Entente was reached"), "{page}");
    }
}
