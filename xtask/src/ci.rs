//! `cargo xtask ci`: every check there is, in the order in which a mistake is cheapest to find.
//!
//! Stops at the first step that fails and says which command shows that step alone. The last line of a run that passes
//! is the count of its tests, alone, for whoever reads only the end of a log.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::invocation::Invocation;
use crate::tally::{Counts, Tally};
use crate::{bench, crash_test, deny, layers, promtool, release, replay, schemathesis, tidy, typescript};

/// Cases per property of `--long`, where a property leaves the number to the environment; 256 is the everyday number.
const LONG_CASES: &str = "4096";

/// A few invoices with every oddity that the real data has.
const REPLAYED: &str = "crates/server/test-data/online-retail-slice.csv";

/// Seconds in which the simulation runs seeds that it never ran before.
const FRESH_SEEDS_S: &str = "60";

/// Everything one step is.
struct Step {
    name: &'static str,
    work: Work,
    /// What later steps do, or need, begun with this one where that leaves processors idle. It goes on without being
    /// heeded: cargo has the later step wait for the rest of it, and say what is wrong.
    begins: Vec<Invocation>,
}

enum Work {
    /// Fails when the command fails.
    Command(Invocation),
    /// The same, and the closing lines of its test binaries are counted.
    Tests(Invocation),
    /// Fails when the command fails, or when its report does not say that carts were compared and none differs.
    Replay(Invocation),
    /// A subcommand of this very program, called without a second process.
    Own { subcommand: &'static str, run: fn(&Path) -> Result<()> },
}

/// Runs every step, shows a table of durations, and ends with the count of tests.
pub(crate) fn run(root: &Path, long: bool) -> Result<()> {
    let mut counts = Counts::default();
    let mut durations = Vec::new();
    let mut begun = Vec::new();
    for step in steps(long) {
        println!("\n==> {}: {}", step.name, step.alone());
        for command in &step.begins {
            println!("==> and beside it: {command}");
            begun.push(command.begin(root)?);
        }
        let start = Instant::now();
        let outcome = step.run(root, &mut counts);
        let duration = start.elapsed();
        if let Err(cause) = outcome {
            println!("==> {} FAILED after {}", step.name, seconds(duration));
            if counts != Counts::default() {
                println!("{counts}");
            }
            bail!("step `{}` failed: {cause:#}\nto see it alone, run: {}", step.name, step.alone());
        }
        println!("==> {} passed in {}", step.name, seconds(duration));
        durations.push((step.name, duration));
    }
    ensure!(counts.passed > 0, "no test ran");
    print_summary(&durations);
    println!("{counts}");
    Ok(())
}

fn steps(long: bool) -> Vec<Step> {
    let step = |name, work| Step { name, work, begins: Vec::new() };
    let command = |name, args| step(name, Work::Command(Invocation::cargo(args)));
    let own = |name, run| step(name, Work::Own { subcommand: name, run });
    let tests = Invocation::cargo("test --workspace --locked --no-fail-fast");
    let docs = Invocation::cargo("doc --workspace --no-deps --locked").variable("RUSTDOCFLAGS", "-Dwarnings");

    // Of the whole workspace, as the tests before: of `sim` alone it would be built anew, with fewer features.
    let fresh_seeds = Invocation::cargo("test --workspace --locked --test fresh_seeds -- --nocapture")
        .variable("EVERCART_SIM_SECONDS", FRESH_SEEDS_S);

    let begins = vec![release::build_all(), docs.clone(), deny::installation()];
    let mut steps = vec![
        command("format", "fmt --all --check"),
        own("tidy", tidy::run),
        own("layers", layers::run),
        command("clippy", "clippy --workspace --all-targets --locked -- -D warnings"),
        // Most of them wait for engines and sockets more than they compute.
        Step { begins, ..step("tests", Work::Tests(tests.clone())) },
        step("fresh seeds", Work::Tests(fresh_seeds)),
        step("docs", Work::Command(docs)),
        own("deny", deny::run),
        step("release build", Work::Command(release::build_all())),
        step("replay", Work::Replay(replay::command(REPLAYED))),
        own("crash-test", crash_test::run),
        own("bench --smoke", bench::smoke),
        own("promtool", promtool::run),
        own("typescript", typescript::run),
        own("schemathesis", schemathesis::run),
    ];
    if long {
        let many = tests.variable("PROPTEST_CASES", LONG_CASES);
        steps.push(step("tests, many cases", Work::Tests(many)));
    }
    steps
}

impl Step {
    fn run(&self, root: &Path, counts: &mut Counts) -> Result<()> {
        match &self.work {
            Work::Command(command) => command.run(root),
            Work::Replay(command) => replay::run(command, root),
            Work::Own { run, .. } => run(root),
            Work::Tests(command) => {
                let mut tally = Tally::default();
                let outcome = command.run_shown(root, |piece| tally.read(piece));
                counts.add(tally.finish());
                outcome
            }
        }
    }

    /// The command line that does this step and nothing else.
    fn alone(&self) -> String {
        match &self.work {
            Work::Command(command) | Work::Tests(command) | Work::Replay(command) => command.to_string(),
            Work::Own { subcommand, .. } => format!("cargo xtask {subcommand}"),
        }
    }
}

fn print_summary(durations: &[(&str, Duration)]) {
    println!("\nstep                 duration");
    for (name, duration) in durations {
        println!("{name:<20} {:>8}", seconds(*duration));
    }
    let total = durations.iter().map(|(_, duration)| *duration).sum();
    println!("{:<20} {:>8}\n", "all", seconds(total));
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anyhow::bail;

    use super::{Counts, Step, Work, steps};

    #[test]
    fn every_step_has_its_own_name_and_can_be_run_alone() {
        let steps = steps(true);
        for (index, step) in steps.iter().enumerate() {
            assert!(step.alone().contains("cargo "), "{}", step.alone());
            assert!(steps[..index].iter().all(|earlier| earlier.name != step.name), "twice: {}", step.name);
        }
    }

    #[test]
    fn the_long_form_runs_every_step_of_the_short_one() {
        let names = |long| steps(long).iter().map(|step| step.name).collect::<Vec<_>>();
        assert!(names(true).starts_with(&names(false)));
        assert!(names(true).len() > names(false).len());
    }

    #[test]
    fn a_failing_step_fails() {
        let work = Work::Own { subcommand: "planted", run: |_| bail!("as planned") };
        let step = Step { name: "planted", work, begins: Vec::new() };
        assert!(step.run(Path::new("."), &mut Counts::default()).is_err());
    }
}
