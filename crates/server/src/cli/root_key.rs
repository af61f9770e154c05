//! `entente root-key FILE`: the one thing a configured enclave needs before its first start.

use crate::args::RootKeyArgs;
use crate::failure::{Exit, Failure};
use crate::{outside, root_key};

pub fn run(args: &RootKeyArgs) -> Result<(), Failure> {
    let path = &args.path;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
    root_key::make(path, &outside::real(runtime.handle().clone()))?;
    eprintln!("Made `{}`. Keep a copy elsewhere: without it nothing stored can be read again.", path.display());
    Ok(())
}
