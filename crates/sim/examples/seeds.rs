//! Runs seeds and prints what they did: `cargo run -p sim --example seeds -- FIRST COUNT [CLIMATE]`.
//!
//! Ends with 1 and the whole report at the first seed that breaks a promise.

#![allow(clippy::print_stdout, reason = "an example prints")]

use sim::{Climate, Options};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| {
        let text = arguments.get(at).map(|text| text.trim_start_matches("0x"));
        text.map_or(Some(default), |text| u64::from_str_radix(text, 16).ok())
    };
    let (Some(first), Some(count)) = (number(0, 0), number(1, 100)) else {
        println!("seeds and counts are hexadecimal");
        return ExitCode::from(2);
    };
    let climate = arguments.get(2).and_then(|name| Climate::named(name));
    let options = Options { climate, ..Options::default() };
    let (mut requests, mut applied) = (0, 0);
    for seed in first..first + count {
        let report = sim::run(seed, &options);
        if report.violation.is_some() || count == 1 {
            println!("{report}");
        }
        if report.violation.is_some() {
            return ExitCode::FAILURE;
        }
        requests += report.requests;
        applied += report.applied;
    }
    println!("{count} seeds, {requests} requests, {applied} applied: fine");
    ExitCode::SUCCESS
}
