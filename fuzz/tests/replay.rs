//! Every input of every corpus, through its target.

use std::fs;
use std::path::Path;

use fuzz::TARGETS;

#[test]
fn what_was_found_once_is_found_no_more() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in &TARGETS {
        let entries = fs::read_dir(corpora.join(target.name)).unwrap();
        let inputs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        assert!(inputs.len() > 3, "the corpus of {} is all but empty", target.name);
        for input in inputs {
            // A failure is a panic; its output names the input.
            println!("{}", input.display());
            (target.run)(&fs::read(&input).unwrap());
        }
    }
    let folders = fs::read_dir(&corpora).unwrap().count();
    assert_eq!(folders, TARGETS.len(), "a folder is nobody's corpus");
}
