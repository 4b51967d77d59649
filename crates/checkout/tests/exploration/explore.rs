//! A small explorer: all states of a small world breadth first, or random walks through a larger one.
//!
//! Our own and not a model checker from a registry: the worlds drive the product's machines, need budgets of faults,
//! a look at each quiet state, and random walks over the same actions, all within a fixed number of states. That is
//! this one page, and it brings no threads, clocks or web server into the build of a pure crate.
//!
//! A state is known by 64 bits of hash. With a million states two of them are taken for one with a probability of
//! about one in 40 million.

use std::{
    collections::HashMap,
    fmt::Debug,
    hash::{Hash, Hasher},
};

/// Something that can be explored.
pub(crate) trait Model {
    /// A state.
    type State: Clone + Hash;
    /// What can happen in it.
    type Action: Clone + Debug;

    /// Where it begins.
    fn initial(&self) -> Self::State;
    /// What can happen now.
    fn actions(&self, state: &Self::State) -> Vec<Self::Action>;
    /// Lets it happen.
    fn act(&self, state: &mut Self::State, action: &Self::Action);
    /// What is wrong with a state, if anything.
    fn violation(&self, state: &Self::State) -> Option<String>;
    /// An action in words.
    fn tell(&self, state: &Self::State, action: &Self::Action) -> String;
    /// How likely an action is on a random walk, against others.
    fn weight(&self, action: &Self::Action) -> u64;
}

/// What an exploration found.
#[derive(Debug)]
pub(crate) struct Report {
    /// States that were seen.
    pub(crate) states: usize,
    /// True when there are no more.
    pub(crate) is_complete: bool,
    /// A broken promise, and how to get there.
    pub(crate) violation: Option<(String, Vec<String>)>,
}

/// All states, breadth first, up to `states_max`.
pub(crate) fn explore<M: Model>(model: &M, states_max: usize) -> Report {
    let initial = model.initial();
    let mut seen: HashMap<u64, (), std::hash::BuildHasherDefault<Mixed>> = HashMap::default();
    seen.insert(fingerprint(&initial), ());
    let mut steps: Vec<(u32, u16)> = vec![(u32::MAX, 0)];
    let mut frontier = vec![(0_u32, initial)];
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for (id, state) in frontier {
            for (index, action) in model.actions(&state).iter().enumerate() {
                let mut after = state.clone();
                model.act(&mut after, action);
                if seen.insert(fingerprint(&after), ()).is_some() {
                    continue;
                }
                let number = u32::try_from(steps.len()).unwrap();
                steps.push((id, u16::try_from(index).unwrap()));
                if let Some(what) = model.violation(&after) {
                    let trace = retrace(model, &steps, number);
                    return Report {
                        states: steps.len(),
                        is_complete: false,
                        violation: Some((what, trace)),
                    };
                }
                if steps.len() >= states_max {
                    return Report { states: steps.len(), is_complete: false, violation: None };
                }
                next.push((number, after));
            }
        }
        frontier = next;
    }
    Report { states: steps.len(), is_complete: true, violation: None }
}

/// Random walks from the beginning, up to `steps_max` steps in all.
pub(crate) fn wander<M: Model>(model: &M, seed: u64, steps_max: usize) -> Report {
    let mut random = seed;
    let mut steps = 0;
    while steps < steps_max {
        let mut state = model.initial();
        let mut trace = Vec::new();
        loop {
            let actions = model.actions(&state);
            let total: u64 = actions.iter().map(|action| model.weight(action)).sum();
            if total == 0 || trace.len() > 2_000 {
                break;
            }
            let mut at = split_mix(&mut random) % total;
            let chosen = actions.iter().find(|action| {
                let weight = model.weight(action);
                let is_here = at < weight;
                at = at.saturating_sub(weight);
                is_here
            });
            let action = chosen.unwrap();
            trace.push(model.tell(&state, action));
            model.act(&mut state, action);
            steps += 1;
            if let Some(what) = model.violation(&state) {
                return Report { states: steps, is_complete: false, violation: Some((what, trace)) };
            }
        }
    }
    Report { states: steps, is_complete: false, violation: None }
}

fn retrace<M: Model>(model: &M, steps: &[(u32, u16)], last: u32) -> Vec<String> {
    let mut path = Vec::new();
    let mut at = last;
    while at != 0 {
        let (before, index) = steps[at as usize];
        path.push(index);
        at = before;
    }
    let mut state = model.initial();
    let mut trace = Vec::new();
    for index in path.into_iter().rev() {
        let action = model.actions(&state)[usize::from(index)].clone();
        trace.push(model.tell(&state, &action));
        model.act(&mut state, &action);
    }
    trace
}

fn split_mix(random: &mut u64) -> u64 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *random;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 64 bits of hash that are the same in every run.
pub(crate) fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = Mixed::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A fast hasher without a seed.
#[derive(Default)]
pub(crate) struct Mixed(u64);

impl Mixed {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 29;
    }
}

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.mix(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(number as u64);
    }

    fn finish(&self) -> u64 {
        let z = self.0 ^ (self.0 >> 32);
        z.wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}
