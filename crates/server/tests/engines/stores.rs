//! Stores as a server wires them from a configuration, on tables that hold nothing yet.

use server::{config::Config, wiring::engine};
use storage::Stores;
use tempfile::TempDir;

/// Open stores, and the folder that their configuration lies in.
pub(crate) struct Opened {
    pub(crate) stores: Stores,
    _folder: TempDir,
}

/// Makes the tables that the text of a configuration names, and opens them.
pub(crate) async fn opened(text: &str) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.toml");
    std::fs::write(&file, text).unwrap();
    let config = Config::load(Some(&file)).unwrap();
    Box::pin(engine::init(&config)).await.unwrap();
    let engine = Box::pin(engine::open(&config)).await.unwrap();
    Opened { stores: engine.stores(), _folder: folder }
}
