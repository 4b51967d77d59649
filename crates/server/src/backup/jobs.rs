//! Backups that a server makes while it serves: one at a time, each on a thread of its own, looked at from outside.
//!
//! A process that ends does not wait for the thread: the backup before stays whole.

use super::{BackupFailed, Source, Summary, back_up};
use crate::wiring::{World, phase_0::Engine};
use cart::Timestamp;
use parking_lot::Mutex;
use service::Environment as _;
use std::{
    error::Error,
    path::{Component, Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};
use storage_embedded::BackupProgress;

/// The backup under way, or the last one.
#[derive(Debug, Default)]
pub struct Jobs(Arc<Mutex<Option<Job>>>);

/// A backup as it is seen from outside.
#[derive(Debug, Clone)]
pub struct Job {
    /// Where to.
    pub folder: PathBuf,
    /// Since when.
    pub started_at: Timestamp,
    /// How far it is.
    pub progress: Arc<BackupProgress>,
    /// What became of it; `None` while it goes on.
    pub outcome: Option<Result<Summary, String>>,
}

/// What a job needs.
pub struct Task {
    /// The data directory.
    pub data: PathBuf,
    /// The engine that has it open.
    pub engine: Engine,
    /// The region's name.
    pub region: String,
    /// Its incarnation.
    pub incarnation: u32,
    /// Where to.
    pub folder: PathBuf,
}

impl Job {
    /// Bytes written, and bytes of segments that are to be copied.
    pub fn bytes(&self) -> (u64, u64) {
        let BackupProgress { bytes, bytes_total } = &*self.progress;
        (bytes.load(Ordering::Relaxed), bytes_total.load(Ordering::Relaxed))
    }
}

impl Jobs {
    /// The backup under way, or the last one since the server started.
    pub fn last(&self) -> Option<Job> {
        self.0.lock().clone()
    }

    /// Starts one; `None` where one is under way.
    pub fn start(&self, task: Task) -> Option<Job> {
        let mut last = self.0.lock();
        if last.as_ref().is_some_and(|job| job.outcome.is_none()) {
            return None;
        }
        let progress = Arc::new(BackupProgress::default());
        let mut job = Job { folder: task.folder.clone(), started_at: World.now(), progress, outcome: None };
        let (jobs, told) = (Arc::clone(&self.0), Arc::clone(&job.progress));
        let thread = std::thread::Builder::new().name("backup".to_owned());
        let started = thread.spawn(move || {
            let outcome = run(&task, &told).map_err(|error| format!("{:#}", anyhow::Error::new(error)));
            if let Some(job) = jobs.lock().as_mut() {
                job.outcome = Some(outcome);
            }
        });
        if let Err(error) = started {
            job.outcome = Some(Err(error.to_string()));
        }
        *last = Some(job.clone());
        Some(job)
    }
}

fn run(task: &Task, progress: &BackupProgress) -> Result<Summary, BackupFailed> {
    let Task { data, engine, region, incarnation, folder } = task;
    let source = Source { data, engine, region, incarnation: *incarnation };
    let made = back_up(&source, folder, progress);
    match &made {
        Ok(made) => tracing::info!(carts = made.carts, bytes = made.bytes, "backup made"),
        Err(error) => tracing::error!(error = error as &dyn Error, "backup failed; the one before stays"),
    }
    made
}

/// Where a folder that was asked for is: `root` itself or below it, by its name and by what its name leads to.
pub fn place_below(root: &Path, asked: &Path) -> Option<PathBuf> {
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::RootDir);
    if !root.is_absolute() || !asked.components().all(is_plain) {
        return None;
    }
    let place = root.join(asked);
    let leads_to = std::fs::canonicalize(root).ok()?;
    // What is there already may be a link to somewhere else.
    let there = place.ancestors().find_map(|part| std::fs::canonicalize(part).ok())?;
    (place.starts_with(root) && there.starts_with(leads_to)).then_some(place)
}
