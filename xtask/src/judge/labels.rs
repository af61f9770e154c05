//! `cargo xtask judge labels`: the laws of the label lattice, proven by two solvers, and the compare
//! looked at as machine code.
//!
//! The script of questions comes from the kernel's own layout (`crates/model/examples/label-laws.rs`);
//! every question says which answer it must have.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{self, Need, cargo};
use crate::{report, steps};

use super::git;

/// The solvers, as Python packages.
const SOLVERS: [(&str, &str); 2] = [("z3", "z3-solver==5.4.1.0"), ("cvc5", "cvc5==1.4.2")];
const RECORD: &str = "docs/judged/labels.md";

/// What became of the questions at one solver.
struct Answers {
    solver: &'static str,
    right: usize,
    wrong: Vec<String>,
    seconds: f64,
}

/// Asks both; true if every answer is the right one and no branch was found.
pub fn run() -> Result<bool> {
    fs::create_dir_all(directory())?;
    let tests =
        steps::step("tests", &mut cargo(["nextest", "run", "-p", "model", "--locked", "--no-fail-fast", "label"]))?;
    let script = script()?;
    let python = environment()?;
    let answers = SOLVERS.iter().map(|(solver, _)| ask(solver, &python, &script)).collect::<Result<Vec<_>>>()?;
    let branches = branches()?;
    for answer in &answers {
        answer.wrong.iter().for_each(|wrong| println!("  {}: {wrong}", answer.solver));
    }
    match &branches {
        Branches::Found(lines) => lines.iter().for_each(|line| println!("  a branch in the compare: {line}")),
        Branches::None(_) => {}
        Branches::NotLooked(why) => println!("  machine code not looked at: {why}"),
    }
    record(tests.well, &answers, &branches)?;
    let proven = answers.iter().all(|answer| answer.wrong.is_empty() && answer.right > 0);
    Ok(tests.well && proven && !matches!(branches, Branches::Found(_)))
}

fn directory() -> PathBuf {
    tools::target().join("judge/labels")
}

/// The questions, as a file.
fn script() -> Result<PathBuf> {
    let example = ["run", "--quiet", "--locked", "-p", "model", "--example", "label-laws"];
    let output = cargo(example).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the script is not written: {}", String::from_utf8_lossy(&output.stderr));
    }
    let path = directory().join("laws.smt2");
    fs::write(&path, output.stdout)?;
    Ok(path)
}

/// A Python with both solvers; gives its interpreter.
fn environment() -> Result<PathBuf> {
    tools::install(&[Need::Python])?;
    let venv = directory().join("venv");
    let (stamp, wanted) = (venv.join("installed"), SOLVERS.map(|(_, package)| package).join("\n"));
    if !fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        tools::must("make its environment", Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let mut install = Command::new(venv.join("bin/pip"));
        tools::must("install the solvers", install.args(["install", "-q"]).args(wanted.lines()))?;
        fs::write(stamp, wanted)?;
    }
    Ok(venv.join("bin/python"))
}

fn ask(solver: &'static str, python: &Path, script: &Path) -> Result<Answers> {
    steps::begin(solver);
    let began = std::time::Instant::now();
    let output = Command::new(python).args(["tests/smt.py", solver]).stdin(fs::File::open(script)?).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (right, mut wrong) = report::answers(&text);
    let asked = fs::read_to_string(script)?.matches("(check-sat)").count();
    if !output.status.success() || right + wrong.len() != asked {
        wrong.push(format!("{} of {asked} answered: {}", right + wrong.len(), String::from_utf8_lossy(&output.stderr)));
    }
    let seconds = began.elapsed().as_secs_f64();
    steps::end(solver, wrong.is_empty(), seconds, &format!("{right} right, {} wrong", wrong.len()));
    Ok(Answers { solver, right, wrong, seconds })
}

/// Conditional jumps and calls in the compiled compare.
enum Branches {
    /// None in so many instructions.
    None(usize),
    Found(Vec<String>),
    NotLooked(String),
}

/// What is compiled: a caller that must not be inlined, so that the compare stands alone.
const PROBE: &str =
    "#[inline(never)]\npub fn probe(a: &model::Label, b: &model::Label) -> bool {\n    a.dominates(b)\n}\n";

fn branches() -> Result<Branches> {
    let (source, assembly) = (directory().join("probe.rs"), directory().join("probe.s"));
    fs::write(&source, PROBE)?;
    tools::must("build the kernel", &mut cargo(["build", "--release", "--locked", "-p", "model"]))?;
    let library = tools::target().join("release/libmodel.rlib");
    let mut compile = Command::new("rustc");
    compile.args(["--edition=2024", "--crate-type=lib", "-Copt-level=3", "--emit=asm", "--extern"]);
    compile.arg(format!("model={}", library.display())).arg("-o").arg(&assembly).arg(&source);
    tools::must("compile the compare", &mut compile)?;
    Ok(judge(&fs::read_to_string(&assembly)?))
}

fn judge(assembly: &str) -> Branches {
    let body = assembly.lines().skip_while(|line| !(line.contains("5probe") && line.ends_with(':')));
    let instructions: Vec<&str> = body
        .skip(1)
        .take_while(|line| !line.contains(".Lfunc_end"))
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['.', '#', '/']))
        .collect();
    let found: Vec<String> = instructions.iter().filter(|line| is_branch(line)).map(ToString::to_string).collect();
    match (instructions.len(), found.is_empty()) {
        (0, _) => Branches::NotLooked("it is not found in the assembly".into()),
        (count, true) => Branches::None(count),
        (_, false) => Branches::Found(found),
    }
}

/// Does the instruction go elsewhere, on x86-64 or AArch64? To return is not to branch.
fn is_branch(instruction: &str) -> bool {
    let name = instruction.split_whitespace().next().unwrap_or("");
    let prefixes = ["j", "call", "loop", "b.", "bl", "cbz", "cbnz", "tbz", "tbnz"];
    name == "b" || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

fn record(tests: bool, answers: &[Answers], branches: &Branches) -> Result<()> {
    let commit = git(&["describe", "--always", "--dirty=+changes", "--abbrev=12", "--exclude=*"])?;
    let date = steps::run(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]))?.output;
    let mut text = fs::read_to_string(RECORD).unwrap_or_else(|_| "# The laws of labels, judged\n".to_owned());
    writeln!(text, "\n## {} UTC, commit {commit}\n", date.trim())?;
    writeln!(text, "| judge | right | wrong | s |\n|---|---|---|---|")?;
    for (answer, (_, package)) in answers.iter().zip(SOLVERS) {
        writeln!(
            text,
            "| {} | {} | {} | {:.1} |",
            package.replace("==", " "),
            answer.right,
            answer.wrong.len(),
            answer.seconds
        )?;
    }
    writeln!(text, "\n- the kernel's tests: {}", if tests { "passed" } else { "failed" })?;
    match branches {
        Branches::None(count) => writeln!(text, "- the compare: {count} instructions, no branch, no call")?,
        Branches::Found(found) => writeln!(text, "- the compare branches: {}", found.join("; "))?,
        Branches::NotLooked(why) => writeln!(text, "- the compare was not looked at: {why}")?,
    }
    fs::write(RECORD, text)?;
    println!("recorded in {RECORD}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_found_and_its_absence_too() {
        let with =
            "_ZN5probe5probe17h1E:\n\t.cfi_startproc\n\tcmpb %al, %cl\n\tje .LBB0_2\n\tretq\n.Lfunc_end0:\n\tjne x\n";
        assert!(matches!(judge(with), Branches::Found(found) if found == ["je .LBB0_2"]));
        assert!(matches!(judge(&with.replace("je .LBB0_2", "sete %al")), Branches::None(3)));
        assert!(matches!(judge("other:\n\tretq\n"), Branches::NotLooked(_)));
        assert!(is_branch("cbnz x0, y") && is_branch("callq z") && !is_branch("bic x0, x1, x2") && !is_branch("ret"));
    }
}
