//! The figures, as `cargo bench` runs them:
//!
//!     cargo bench -p gaia-testkit --bench figures -- --quick --only N1,N3 --json
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program of its own"
)]

use std::process::ExitCode;

use gaia_testkit::bench::{Options, Trouble, run, worker_main};

fn main() -> Result<ExitCode, Trouble> {
    if let Some(status) = worker_main() {
        return Ok(status);
    }
    let (mut options, mut json) = (Options::default(), false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            // cargo says so to everything it runs here.
            "--bench" => {}
            "--quick" => options.quick = true,
            "--json" => json = true,
            "--only" => {
                let only = words.next().unwrap_or_default();
                options.only = only.split(',').map(str::to_owned).collect();
            }
            "--gaia" => options.gaia = words.next().map(Into::into),
            other => {
                return Err(
                    format!("--quick --only N1,N3 --json --gaia PROGRAM; not {other}").into(),
                );
            }
        }
    }
    let report = run(&options.find_programs(), &mut |id| eprintln!("{id} …"))?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.table());
    }
    Ok(ExitCode::SUCCESS)
}
