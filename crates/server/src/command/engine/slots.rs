//! `evercart engine move-slots` and `forget-slots`: what adding a shard of PostgreSQL takes.
//!
//! Always: a plan is made anew by what the shards say, so the same command again does what is left. An interrupt is heard
//! between two slots, for one that is left in between is served by nobody. Deliberately absent: moving so many slots as
//! are asked for, which done again would move as many once more.

use super::Asked;
use crate::command::{
    confirmation::{self, Deed},
    progress::Progress,
    terminal::grouped,
};
use crate::config::Config;
use crate::wiring::slots::{self, Moved, Plan, Ranges, Wish};
use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use std::{
    ops::ControlFlow,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::signal::unix::{SignalKind, signal};

/// Arguments of `evercart engine move-slots`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  evercart engine move-slots --evenly --dry-run --config shop.toml\n  \
    evercart engine move-slots --from 0 --to 1 --slots 0-127,300 --config shop.toml\n\n\
    Shards are numbered in the order of the configuration: 0 is that of postgres.url, 1 the first of postgres.shards.\n\
    Every server must list all of them before. A slot is served by nobody while it is copied, and requests wait for it.\n\
    What was interrupted continues when the same command is run again. Exit status 1 if it did not come to its end.")]
pub(super) struct MoveArgs {
    /// Spread the slots evenly over all shards that are listed, by the fewest moves.
    #[arg(long, required_unless_present = "slots", conflicts_with_all = ["slots", "from", "to"])]
    evenly: bool,
    /// Move these slots: numbers and ranges of 0 to 1023, such as `0-127,300`.
    #[arg(long, value_name = "SLOTS", requires_all = ["from", "to"])]
    slots: Option<Ranges>,
    /// The shard where they are.
    #[arg(long, value_name = "SHARD")]
    from: Option<usize>,
    /// The shard where they go.
    #[arg(long, value_name = "SHARD")]
    to: Option<usize>,
    /// Print what would move, and move nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    asked: Asked,
}

/// Arguments of `evercart engine forget-slots`.
#[derive(Debug, Args)]
#[command(after_help = "Example: evercart engine forget-slots --shard 0 --yes --config shop.toml\n\n\
    A move copies. What it leaves at the old shard is read by nobody, and is the last copy from before it: forget it when\n\
    the shards that have the slots now have been backed up. Refused while a slot is on no shard.")]
pub(super) struct ForgetArgs {
    /// The shard that slots have left.
    #[arg(long)]
    shard: usize,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    asked: Asked,
}

/// What came of a plan.
#[derive(Debug, Default)]
struct Done {
    moved: Moved,
    is_interrupted: bool,
}

pub(super) async fn move_slots(args: MoveArgs) -> anyhow::Result<ExitCode> {
    let config = args.asked.global.load()?;
    let wish = match (args.slots, args.from, args.to) {
        (Some(slots), Some(from), Some(to)) => Wish::Named { from, to, slots },
        _ => Wish::Evenly,
    };
    let plan = slots::plan(&config, &wish).await?;
    if !args.asked.json {
        tell_plan(&plan, args.dry_run);
    }
    let done = if args.dry_run { None } else { Some(carry_out(&config, &plan).await?) };
    match (args.asked.json, &done) {
        (true, done) => tell_json(&plan, done.as_ref()),
        (false, Some(done)) if !plan.moves.is_empty() => tell_done(&plan, done),
        (false, _) => {}
    }
    let is_interrupted = done.is_some_and(|done| done.is_interrupted);
    Ok(if is_interrupted { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn carry_out(config: &Config, plan: &Plan) -> anyhow::Result<Done> {
    let all = count(plan);
    let interrupted = interrupts()?;
    let progress = Progress::new(all as u64, "Moving", "slots");
    let mut done = Done::default();
    for one in &plan.moves {
        let (before, mut last) = (done.moved, Moved::default());
        let mut go_on = |moved: Moved| {
            last = moved;
            let slots = (before.slots + moved.slots) as u64;
            progress.bar.set_position(slots);
            progress.tell(slots);
            match interrupted.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let outcome = slots::carry_out(config, one, &mut go_on).await;
        done.moved = Moved {
            slots: before.slots + last.slots,
            rows: before.rows + last.rows,
            unserved_max: before.unserved_max.max(last.unserved_max),
        };
        outcome.with_context(|| {
            let slots = done.moved.slots;
            format!("{slots} of {all} slots were moved: the same command moves what is left")
        })?;
        if interrupted.load(Ordering::Relaxed) {
            done.is_interrupted = done.moved.slots < all;
            break;
        }
    }
    progress.end();
    Ok(done)
}

/// Becomes true when somebody wants this to end; the system would end it within a slot.
fn interrupts() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut signals, interrupted) = (signal(kind)?, interrupted.clone());
        tokio::spawn(async move {
            signals.recv().await;
            interrupted.store(true, Ordering::Relaxed);
        });
    }
    Ok(interrupted)
}

fn count(plan: &Plan) -> usize {
    plan.moves.iter().map(|one| one.slots.len()).sum()
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn tell_json(plan: &Plan, done: Option<&Done>) {
    let moves = plan.moves.iter().map(|one| {
        let slots = Ranges(one.slots.clone()).to_string();
        json!({"from": one.from, "to": one.to, "slots": slots, "count": one.slots.len()})
    });
    let mut told = json!({"engine": "postgres", "shards": plan.shards, "moves": moves.collect::<Vec<_>>()});
    told["dry_run"] = Value::Bool(done.is_none());
    if let Some(Done { moved, is_interrupted }) = done {
        told["slots_moved"] = json!(moved.slots);
        told["rows_copied"] = json!(moved.rows);
        told["unserved_ms_max"] = json!(u64::try_from(moved.unserved_max.as_millis()).unwrap_or(u64::MAX));
        told["interrupted"] = json!(is_interrupted);
    }
    println!("{told}");
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn tell_plan(plan: &Plan, is_dry_run: bool) {
    if plan.moves.is_empty() {
        println!("postgres: nothing to move");
    }
    let verb = if is_dry_run { "would move" } else { "move" };
    let server = |shard: usize| plan.shards.get(shard).map_or("", String::as_str);
    for one in &plan.moves {
        let (from, to) = (server(one.from), server(one.to));
        println!(
            "postgres: {} slots {verb} from shard {} ({from}) to shard {} ({to}): {}",
            one.slots.len(),
            one.from,
            one.to,
            Ranges(one.slots.clone())
        );
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn tell_done(plan: &Plan, Done { moved, is_interrupted }: &Done) {
    println!(
        "postgres: {} slots with {} rows were moved, none unserved for longer than {} ms",
        moved.slots,
        grouped(moved.rows),
        moved.unserved_max.as_millis()
    );
    if *is_interrupted {
        println!(
            "postgres: interrupted; the same command moves the {} that are left",
            count(plan) - moved.slots
        );
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) async fn forget_slots(args: ForgetArgs) -> anyhow::Result<ExitCode> {
    let config = args.asked.global.load()?;
    let shard = args.shard;
    let question = format!(
        "Delete the rows that moves left at shard {shard}? Have the shards that they went to been backed up? "
    );
    let deed = Deed { doing: "forgetting slots", done: "forgotten", question };
    if let Some(ends) = confirmation::refused(args.yes, &deed)? {
        return Ok(ends);
    }
    let rows = slots::forget(&config, shard).await?;
    if args.asked.json {
        println!("{}", json!({"engine": "postgres", "shard": shard, "rows_deleted": rows}));
    } else {
        println!("postgres: {} rows that moves had left at shard {shard} are deleted", grouped(rows));
    }
    Ok(ExitCode::SUCCESS)
}
