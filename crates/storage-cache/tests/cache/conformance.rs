//! The whole suite over the in-memory engine: each policy, each set of tiers, both write paths.

use crate::ground::{self, Tiers};
use storage::{
    WritePath,
    conformance::{Subject, eventual::eventual},
    memory,
};
use storage_cache::{Policy, cached};

async fn open(policy: Policy, tiers: Tiers, write_path: WritePath) -> Subject {
    let stores = memory::open(write_path);
    let url = match tiers {
        Tiers::Local => "redis://127.0.0.1".to_owned(),
        // Skipped, and said so, the suite runs over the bare engine.
        Tiers::Redis | Tiers::Both => match ground::redis().await {
            Some(url) => url,
            None => return Subject::of(stores),
        },
    };
    let (stores, handle) = cached(stores, ground::options(policy, tiers, &url)).await.unwrap();
    Subject { stores: eventual(stores), keep_alive: Box::new(handle) }
}

macro_rules! suites {
    ($($name:ident: $policy:ident $tiers:ident $write_path:ident;)*) => {
        $(mod $name {
            use super::*;
            storage::conformance_suite!(open(Policy::$policy, Tiers::$tiers, WritePath::$write_path));
        })*
    };
}

suites! {
    through_local_replacing: WriteThrough Local Replace;
    through_local_appending: WriteThrough Local Append;
    through_redis_replacing: WriteThrough Redis Replace;
    through_redis_appending: WriteThrough Redis Append;
    through_both_replacing: WriteThrough Both Replace;
    through_both_appending: WriteThrough Both Append;
    around_local_replacing: WriteAround Local Replace;
    around_local_appending: WriteAround Local Append;
    around_redis_replacing: WriteAround Redis Replace;
    around_redis_appending: WriteAround Redis Append;
    around_both_replacing: WriteAround Both Replace;
    around_both_appending: WriteAround Both Append;
}
