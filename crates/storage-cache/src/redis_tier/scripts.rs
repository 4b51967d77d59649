//! The scripts that run inside Redis: each is one atomic step on the keys of one cart.

use redis::Script;

macro_rules! script {
    ($file:literal) => {
        Script::new(concat!(include_str!("lua/begin.lua"), include_str!(concat!("lua/", $file))))
    };
}

/// The scripts.
pub(super) struct Scripts {
    pub(super) look: Script,
    pub(super) fill: Script,
    pub(super) forget: Script,
    pub(super) row: Script,
    pub(super) delta: Script,
    pub(super) epoch: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            look: script!("look.lua"),
            fill: script!("fill.lua"),
            forget: script!("forget.lua"),
            row: script!("row.lua"),
            delta: script!("delta.lua"),
            epoch: Script::new(include_str!("lua/epoch.lua")),
        }
    }

    /// Those that a request may wait for, to be loaded before.
    pub(super) fn hot(&self) -> [&Script; 5] {
        [&self.look, &self.fill, &self.forget, &self.row, &self.delta]
    }
}
