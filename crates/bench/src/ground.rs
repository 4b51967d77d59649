//! What a run stands on: loaded data, and the programs that were started on copies of it.

use crate::{
    args::ReportArgs,
    inside::{What, asked::Asked},
    loading::{self, Loaded},
    process::Side,
    row::Work,
    run::{Shop, Sides},
    workload::{self, Guests},
};
use anyhow::{Context, Result};
use server::{keys::Keys, wiring::World};
use service::Environment as _;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The folder of this run, and what was loaded for it.
pub(crate) struct Ground {
    pub(crate) folder: PathBuf,
    pub(crate) loaded: Loaded,
    small: Option<Loaded>,
}

impl Ground {
    /// Loads what is needed and not there yet, and empties the folder of the run.
    #[expect(clippy::print_stdout, reason = "the output of the command")]
    pub(crate) fn prepare(args: &ReportArgs, out: &Path, works: &BTreeSet<Work>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let load = |carts| {
            let loaded = runtime.block_on(loading::loaded(out, carts)).context("carts cannot be loaded")?;
            println!("{carts} carts, loaded at {:.0}/s", loaded.carts_per_second);
            Ok::<_, anyhow::Error>(loaded)
        };
        let loaded = load(args.carts())?;
        let small = works.contains(&Work::Small).then(|| load(args.small_carts())).transpose()?;
        let ground = Self { folder: out.join("run"), loaded, small };
        ground.clear()?;
        Ok(ground)
    }

    /// Empties the folder of the run: copies are large.
    pub(crate) fn clear(&self) -> Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)
                .with_context(|| format!("`{}` cannot be removed", self.folder.display()))?;
        }
        Ok(fs::create_dir_all(&self.folder)?)
    }

    /// A copy of the loaded data, with its guests.
    pub(crate) fn copy(&self, name: &str, loaded: &Loaded, carts: u64) -> Result<(PathBuf, Arc<Guests>)> {
        let data = self.folder.join(name);
        loading::copy(&loaded.folder, &data)?;
        let guests = Guests::new(carts, &Keys::open(&data)?.tokens, World.now());
        Ok((data, guests))
    }

    fn shop(&self, name: &'static str, args: &ReportArgs, loaded: &Loaded, carts: u64) -> Result<Shop> {
        let (data, guests) = self.copy(name, loaded, carts)?;
        Ok(Shop { side: Side::evercart(name, &args.evercart, &data)?, guests })
    }

    /// Starts what these works need.
    pub(crate) fn start(&self, args: &ReportArgs, works: &BTreeSet<Work>) -> Result<Sides> {
        let needs = |some: &[Work]| some.iter().any(|work| works.contains(work));
        let mut sides = Sides::default();
        if needs(&[Work::Hello]) {
            sides.hello = Some(Side::hello("hello", None)?);
        }
        if needs(&[Work::Append]) {
            let side = Side::hello("append", Some(&self.folder.join("append")))?;
            let guests = Guests::new(args.carts(), &workload::unchecked_keys(), World.now());
            sides.append = Some(Shop { side, guests });
        }
        if needs(&[Work::Get, Work::Add, Work::Mixed, Work::AddToEmpty, Work::AddToFull]) {
            sides.evercart = Some(self.shop("evercart", args, &self.loaded, args.carts())?);
        }
        if let Some(small) = self.small.as_ref().filter(|_| needs(&[Work::Small])) {
            sides.small = Some(self.shop("small", args, small, args.small_carts())?);
        }
        if let Some(programs) = args.programs().filter(|_| needs(&[Work::Redis])) {
            sides.redis = Some((programs.serve(&self.folder.join("redis"))?, programs));
        }
        if needs(&[Work::Whole]) {
            let data = self.folder.join("whole");
            loading::copy(&self.loaded.folder, &data)?;
            sides.whole = Some(Asked::start(What::Whole, &data, args.carts())?);
        }
        if needs(&[Work::Engine]) {
            sides.engine = Some(Asked::start(What::Engine, &self.folder.join("engine"), args.carts())?);
        }
        Ok(sides)
    }
}
