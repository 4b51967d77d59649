//! Schedules: what happens in a world, as a list of seeds; the search for one that breaks a promise, and the way
//! from there to the shortest.

use crate::{
    climate::Climate,
    random::Random,
    world::{Violation, World},
};
use std::fmt;

/// A list of steps in a world.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// What the world is like.
    pub climate: Climate,
    /// How the world begins.
    pub seed: u64,
    /// What happens, a seed each.
    pub steps: Vec<u64>,
}

/// A schedule that breaks a promise, and no step of it can be left out.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The shortest schedule that was found.
    pub schedule: Schedule,
    /// The promise.
    pub violation: Violation,
    /// What happened, in words.
    pub log: Vec<String>,
}

impl Schedule {
    /// The schedule of a seed.
    pub fn of(climate: Climate, seed: u64, length: usize) -> Self {
        let mut random = Random::new(seed);
        let world = random.bits();
        Self { climate, seed: world, steps: (0..length).map(|_| random.bits()).collect() }
    }

    /// Runs it to the end.
    pub fn run(&self) -> Result<(), Violation> {
        self.run_in(&mut World::new(self.climate, self.seed))
    }

    fn run_in(&self, world: &mut World) -> Result<(), Violation> {
        self.steps.iter().try_for_each(|step| world.step(*step))?;
        world.settle()
    }

    /// Leaves out steps while a promise is still broken, and says what is left.
    fn shortest(mut self) -> Option<Failure> {
        let mut found = self.run().err()?;
        loop {
            let without = |left_out: usize| {
                let mut steps = self.steps.clone();
                steps.remove(left_out);
                let schedule = Self { steps, ..self.clone() };
                let violation = schedule.run().err()?;
                Some((schedule, violation))
            };
            let Some((schedule, violation)) = (0..self.steps.len()).rev().find_map(without) else { break };
            (self, found) = (schedule, violation);
        }
        let mut world = World::new(self.climate, self.seed).logged();
        let _ = self.run_in(&mut world);
        let log = world.log.unwrap_or_default();
        Some(Failure { schedule: self, violation: found, log })
    }
}

/// Runs `schedules` schedules of a climate, short ones first, and gives back the first that breaks a promise, made
/// as short as it can be.
pub fn search(climate: Climate, schedules: u64, length_max: usize) -> Option<Failure> {
    let lengths = 2..=length_max;
    let each = schedules / (length_max as u64 - 1) + 1;
    let all = lengths.flat_map(|length| (0..each).map(move |seed| (length, seed)));
    let mut all = all.map(|(length, seed)| Schedule::of(climate, seed * 1000 + length as u64, length));
    all.find(|schedule| schedule.run().is_err())?.shortest()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Schedule { climate, seed, steps } = &self.schedule;
        writeln!(
            f,
            "{:?} broken in climate \"{}\": {}",
            self.violation.broken, climate.name, self.violation.what
        )?;
        writeln!(f, "world {seed:#x}, steps {steps:#x?}")?;
        self.log.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// The number of schedules to run where `usual` is the everyday number, times `EVERCART_SCHEDULES`.
pub fn budget(usual: u64) -> u64 {
    let times = std::env::var("EVERCART_SCHEDULES").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    usual.saturating_mul(times)
}
