//! The first screen: its commands are pasted into a shell and must work.

use std::process::Command;

use crate::world::{World, s3};

fn works(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("SKIPPED: there is no `{program}` here, so its lines of the first screen were not tried");
    }
    there
}

/// Runs the lines of the screen that begin with `program`, and what they need; all must succeed.
fn paste(screen: &str, program: &str) -> String {
    let lines: Vec<&str> = screen
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with(program) || (program == "aws" && line.starts_with("export ")))
        .collect();
    assert!(lines.len() >= 3, "{screen}");
    let script = format!("set -e\n{}\n", lines.join("\n").replace("curl ", "curl --fail --silent --show-error "));
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn its_commands_work_when_pasted() {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap();
    let world = World::new("screen");
    let mut running = world.up_with(&[]);
    let screen = running.read_until("presign get");
    if works("curl") {
        assert!(paste(&screen, "curl").ends_with(&hosts));
        assert_eq!(s3(&world, "get", "s3://first-light/hosts", "").body, hosts);
    }
    if works("aws") {
        assert!(paste(&screen, "aws").ends_with(&hosts));
    }
}
