//! The journal against a `Vec`: random record sizes, rotations, recycling, reopening and torn tails.

use std::os::unix::fs::FileExt;
use std::path::Path;

use futures::executor::block_on;
use proptest::prelude::*;

use super::{reopen, small};
use crate::{Journal, JournalError, JournalOptions};

#[derive(Debug, Clone)]
enum Step {
    /// Records of these lengths, enqueued together.
    Append(Vec<usize>),
    Rotate,
    /// Recycle through this share of what is durable, in 256ths.
    Recycle(u8),
    /// Close, damage what follows the last frame with this byte, open.
    Reopen(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![4 => 0..200usize, 1 => 3_000..9_000usize];
    prop_oneof![
        6 => prop::collection::vec(length, 1..8).prop_map(Step::Append),
        1 => Just(Step::Rotate),
        2 => any::<u8>().prop_map(Step::Recycle),
        1 => any::<u8>().prop_map(Step::Reopen),
    ]
}

fn options() -> JournalOptions {
    JournalOptions { segment_bytes: 6 * 4096, batch_bytes_max: 5000, ..small() }
}

struct Run<'a> {
    dir: &'a Path,
    journal: Option<Journal>,
    /// Every record above the watermark, with its batch.
    model: Vec<(u64, Vec<u8>)>,
    watermark: u64,
    /// Marks the records, so that no two are alike.
    serial: u32,
}

impl<'a> Run<'a> {
    fn new(dir: &'a Path) -> Self {
        let journal = Some(reopen(dir, options()).unwrap().0);
        Self { dir, journal, model: Vec::new(), watermark: 0, serial: 0 }
    }

    fn journal(&self) -> &Journal {
        self.journal.as_ref().unwrap()
    }

    fn execute(&mut self, step: &Step) {
        match step {
            Step::Append(lengths) => self.append(lengths),
            Step::Rotate => {
                let covered = self.journal().rotate();
                assert_eq!(covered, self.model.last().map_or(self.watermark, |(batch, _)| *batch));
            }
            Step::Recycle(share) => {
                let last = self.journal().durable_through();
                self.watermark += (last - self.watermark) * u64::from(*share) / 255;
                self.journal().recycle_through(self.watermark).unwrap();
                self.model.retain(|(batch, _)| *batch > self.watermark);
            }
            Step::Reopen(noise) => self.reopen(*noise),
        }
    }

    fn append(&mut self, lengths: &[usize]) {
        for length in lengths {
            self.serial += 1;
            let mut record = self.serial.to_le_bytes().to_vec();
            record.resize(4 + length, 0xab);
            match self.journal().enqueue(&record) {
                Ok(ticket) => self.model.push((ticket.batch, record)),
                Err(JournalError::Full) => {}
                Err(error) => panic!("{error}"),
            }
        }
        if let Some((batch, _)) = self.model.last() {
            block_on(self.journal().durable(*batch)).unwrap();
        }
    }

    fn reopen(&mut self, noise: u8) {
        let end = self.tail();
        self.journal = None;
        if let Some((segment, offset)) = end {
            let file = std::fs::File::options().write(true).open(self.dir.join(segment)).unwrap();
            let room = 6 * 4096 - offset;
            file.write_all_at(&vec![noise; usize::try_from(room.min(5000)).unwrap()], offset).unwrap();
        }
        let (journal, records) = reopen(self.dir, options()).unwrap();
        assert_eq!(records, self.model);
        self.journal = Some(journal);
    }

    /// Where the next frame would go, if the last segment is still open.
    fn tail(&self) -> Option<(String, u64)> {
        let queue = self.journal().shared.queue.lock();
        let current = queue.placement.current()?;
        Some((crate::segment::file_name(current.segment), current.end))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_holds_what_the_model_holds(steps in prop::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut run = Run::new(dir.path());
        for step in &steps {
            run.execute(step);
        }
        run.reopen(0);
    }
}
