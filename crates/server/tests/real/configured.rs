//! An enclave from a configuration file.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::world::{Running, World, check_refused, entente, http, said, wait_for_output};

/// A configuration of two own disks, at `world.root()/entente.toml`.
fn configure(world: &World, more: &str) -> String {
    for site in ["east", "west"] {
        fs::create_dir_all(world.root().join(site)).unwrap();
    }
    let text = format!(
        "[enclave]\ndata_dir = \"data\"\nroot_key = \"root.key\"\nregion = \"eu-north-1\"\n\
         default_profile = \"mirror-2\"\n{more}\n\
         [s3]\nlisten = \"127.0.0.1:0\"\n\n\
         [[site]]\nname = \"east\"\nvendor = \"own\"\nkind = \"local\"\npath = \"east\"\n\n\
         [[site]]\nname = \"west\"\nvendor = \"google\"\nkind = \"local\"\npath = \"west\"\n"
    );
    let path = world.root().join("entente.toml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn on(config: &str, arguments: &[&str]) -> Command {
    let mut command = entente();
    command.args(arguments).args(["--config", config]);
    command
}

#[test]
fn a_configured_enclave_brings_its_root_key_and_issues_its_keys() {
    let world = World::new("configured");
    let config = configure(&world, "");
    let root_key = world.root().join("root.key").display().to_string();
    check_refused(&wait_for_output(on(&config, &["up"])), 5, &["is missing", "entente root-key"]);
    let make = || {
        let mut command = entente();
        command.args(["root-key", &root_key]);
        wait_for_output(command)
    };
    let beside = format!("{root_key}.new");
    fs::write(&beside, "somebody's").unwrap();
    assert!(make().status.success());
    check_refused(&make(), 5, &["never overwritten"]);
    assert_eq!(fs::read_to_string(beside).unwrap(), "somebody's");

    let running = Running::start(on(&config, &["up", "--json"]), world.root());
    assert_eq!(running.ready("region"), "eu-north-1");
    assert!(!running.first_line.contains("secret_key"), "{}", running.first_line);
    assert!(!world.path("credentials").exists());

    let issued: Value =
        serde_json::from_str(&said(&wait_for_output(on(&config, &["key", "create", "--user", "ann", "--json"]))))
            .unwrap();
    let file = world.root().join("ann").display().to_string();
    let (id, secret) = (issued["access_key"].as_str().unwrap(), issued["secret_key"].as_str().unwrap());
    fs::write(&file, format!("[default]\naws_access_key_id={id}\naws_secret_access_key={secret}\n")).unwrap();
    let s3 = |method: &str, target: &str, body: &str| {
        let url = said(&wait_for_output(on(&config, &["presign", method, target, "--credentials", &file])));
        http(&method.to_uppercase(), &url, &[], body)
    };
    let here = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                <LocationConstraint>eu-north-1</LocationConstraint></CreateBucketConfiguration>";
    assert_eq!(s3("put", "s3://tea", here).status, 200);
    assert_eq!(s3("put", "s3://tea/green", "sencha").status, 200);
    assert_eq!(s3("get", "s3://tea/green", "").body, "sencha");
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn a_mistyped_setting_is_told_with_its_line_and_what_was_meant() {
    let world = World::new("mistyped");
    let config = configure(&world, "regoin = \"x\"");
    check_refused(&wait_for_output(on(&config, &["up"])), 2, &["entente.toml:6:", "did you mean `region`?"]);
    assert!(!world.dir().exists(), "nothing was made");
}
