//! The suite that every engine passes, on one server and on two.

use storage::conformance::Subject;
use storage::{WritePath, memory};
use storage_postgres::Postgres;

use crate::setup::{open, options, shared, two_databases};

mod single {
    use super::*;
    storage::conformance_suite!(async {
        let Some(url) = shared().await else { return nothing() };
        subject(open(&options(&[url])).await)
    });
}

mod two_shards {
    use super::*;
    storage::conformance_suite!(async {
        let Some(urls) = two_databases().await else { return nothing() };
        subject(open(&options(&urls)).await)
    });
}

pub(crate) fn subject(engine: Postgres) -> Subject {
    Subject { stores: engine.stores(), keep_alive: Box::new(engine) }
}

/// Where no server can be had, which was said.
pub(crate) fn nothing() -> Subject {
    Subject::of(memory::open(WritePath::Replace))
}

mod replicated {
    use super::*;
    use crate::replicas::shared_pair;

    storage::conformance_suite!(async {
        let Some((primary, replica)) = shared_pair().await else { return nothing() };
        let mut options = options(&[primary]);
        options.shards[0].replicas = vec![replica.parse().unwrap()];
        subject(open(&options).await)
    });
}
