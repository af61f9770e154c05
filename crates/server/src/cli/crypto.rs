//! `entente crypto`: which algorithms are in use, without asking a running Entente.

use std::fmt::Write;

use serde::Serialize;

use super::Output;
use crate::crypto::{ALGORITHMS, Algorithm, Holds, LIBRARIES, versions};
use crate::failure::Failure;

/// The answer to `--json`.
#[derive(Serialize)]
struct Inventory {
    algorithms: Vec<Used>,
    libraries: Vec<Library>,
}

#[derive(Serialize)]
struct Used {
    #[serde(flatten)]
    algorithm: &'static Algorithm,
    places: Vec<&'static str>,
}

#[derive(Serialize)]
struct Library {
    name: &'static str,
    versions: Vec<&'static str>,
    role: &'static str,
}

pub fn run(output: Output) -> Result<(), Failure> {
    let inventory = inventory();
    output.show(&inventory, || shown(&inventory))
}

fn inventory() -> Inventory {
    let used = |algorithm: &'static Algorithm| Used { algorithm, places: algorithm.places() };
    let library = |(name, role): &(&'static str, &'static str)| Library { name, versions: versions(name), role };
    Inventory { algorithms: ALGORITHMS.iter().map(used).collect(), libraries: LIBRARIES.iter().map(library).collect() }
}

fn shown(inventory: &Inventory) -> String {
    let mut text = String::new();
    for Used { algorithm, places } in &inventory.algorithms {
        let _ = writeln!(
            text,
            "{}\n  for         {}\n  in          {}\n  by          {}\n  parameters  {}\n  holds       {}\n",
            algorithm.name,
            algorithm.purpose,
            places.join(", "),
            algorithm.library,
            algorithm.parameters,
            match algorithm.holds {
                Holds::PostQuantum => "also against a quantum computer",
                Holds::Classical => "until there is a large quantum computer",
                Holds::Nothing => "nothing rests on it",
            }
        );
    }
    text.push_str("Cryptographic crates this program was built with:\n\n");
    for Library { name, versions, role } in &inventory.libraries {
        let _ = writeln!(text, "  {:<30} {role}", format!("{name} {}", versions.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_is_shown_with_where_it_is_used_and_each_crate_with_its_version() {
        let text = shown(&inventory());
        let one = "AES-256-GCM\n  for         seals bodies";
        assert!(
            text.contains(one) && text.contains("  in          coding/chunk, coding/keys, coding/keys/value\n"),
            "{text}"
        );
        assert_eq!(text.matches("  holds  ").count(), ALGORITHMS.len());
        assert!(text.contains("  ring 0.17."), "{text}");
        let json = serde_json::to_value(inventory()).unwrap();
        assert_eq!(json["algorithms"][0]["holds"], "post-quantum");
        assert_eq!(json["algorithms"][0]["places"][0], "coding/chunk");
        assert_eq!(json["algorithms"].as_array().unwrap().len(), ALGORITHMS.len());
    }
}
