//! The engine that the configuration names, open: the same three stores, whichever it is.

use super::{WiringError, incarnation, phase_0, phase_1, phase_2, phase_3, phase_4};
use crate::config::{Config, engine::EngineKind};
use storage::Stores;

/// An engine that is open.
#[derive(Clone)]
pub struct Engine {
    stores: Stores,
    /// The one inside, which also has files here.
    embedded: Option<phase_0::Engine>,
}

/// What an operator is told of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its name in the configuration.
    pub engine: &'static str,
    /// What was made or found, a line for each.
    pub found: Vec<String>,
}

impl Engine {
    /// Its three stores.
    pub fn stores(&self) -> Stores {
        self.stores.clone()
    }

    /// The embedded engine; `None` where a server of its own keeps the carts.
    pub fn embedded(&self) -> Option<&phase_0::Engine> {
        self.embedded.as_ref()
    }

    /// True while it refuses writes for want of space; reads go on.
    pub fn is_out_of_space(&self) -> bool {
        self.embedded.as_ref().is_some_and(phase_0::Engine::is_out_of_space)
    }

    /// Why it takes no more writes until the process is started anew, if so.
    pub fn failure(&self) -> Option<String> {
        self.embedded.as_ref().and_then(phase_0::Engine::failure)
    }
}

/// Opens the engine that the configuration names.
pub async fn open(config: &Config) -> Result<Engine, WiringError> {
    let stores = match config.engine {
        EngineKind::Embedded => {
            let failed = |source| WiringError::Store { data: config.data.display().to_string(), source };
            let engine = phase_0::open(config).await.map_err(failed)?;
            return Ok(Engine { stores: engine.stores(), embedded: Some(engine) });
        }
        EngineKind::Postgres => phase_1::open(config).await?,
        EngineKind::Dynamodb => phase_3::open(config).await?,
        EngineKind::Cassandra => phase_4::open(config).await?,
    };
    Ok(Engine { stores: phase_2::cached(stores, config).await?, embedded: None })
}

/// Makes the tables, or brings them to this release; doing it again changes nothing.
pub async fn init(config: &Config) -> Result<Report, WiringError> {
    let found = match config.engine {
        EngineKind::Embedded => vec!["nothing to make: a start makes what is missing".to_owned()],
        EngineKind::Postgres => phase_1::init(config).await?,
        EngineKind::Dynamodb => phase_3::init(config).await?,
        EngineKind::Cassandra => phase_4::init(config).await?,
    };
    Ok(Report { engine: config.engine.as_str(), found })
}

/// Takes a new incarnation, for a store that was restored by the engine's own means. No server runs on it.
pub async fn renew(config: &Config) -> Result<Report, WiringError> {
    let linear = Box::pin(open(config)).await?.stores().linear;
    let failed = |source| WiringError::of_store(config, source);
    let before = incarnation::read(&*linear).await.map_err(failed)?;
    let incarnation = incarnation::renew(&*linear, before).await.map_err(failed)?;
    let found = vec![
        format!("incarnation {incarnation}, before {before}"),
        "checkouts are off until `evercart inventory recount`".to_owned(),
    ];
    Ok(Report { engine: config.engine.as_str(), found })
}

/// Looks whether a server could start on it.
pub async fn check(config: &Config) -> Result<Report, WiringError> {
    let found = match config.engine {
        EngineKind::Embedded => vec![format!("in `{}`", config.data.join("store").display())],
        EngineKind::Postgres => phase_1::check(config).await?,
        EngineKind::Dynamodb => phase_3::check(config).await?,
        EngineKind::Cassandra => phase_4::check(config).await?,
    };
    Ok(Report { engine: config.engine.as_str(), found })
}
