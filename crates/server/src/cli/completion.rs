//! `entente completion bash | zsh | fish`.

use clap::CommandFactory;
use clap_complete::aot;

use super::{Output, print};
use crate::args::{Args, CompletionArgs, Shell};
use crate::failure::{Exit, Failure};

pub fn run(args: &CompletionArgs, output: Output) -> Result<(), Failure> {
    if output == Output::Json {
        return Err(Failure::new(Exit::Usage, "a shell reads no JSON: leave out --json"));
    }
    print(&script(args.shell))
}

fn script(shell: Shell) -> String {
    let shell = match shell {
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
    };
    let mut script = Vec::new();
    aot::generate(shell, &mut Args::command(), "entente", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_is_told_of_nouns_and_verbs() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            for word in ["move-data", "evacuate", "beyond-budget"] {
                assert!(script.contains(word), "{shell:?} does not know {word}");
            }
        }
    }

    #[test]
    fn a_script_is_no_json() {
        let args = CompletionArgs { shell: Shell::Bash };
        assert_eq!(run(&args, Output::Json).unwrap_err().exit, Exit::Usage);
    }
}
