//! The reference engine passes the suite, bare and under the layers.

use storage::{
    WritePath,
    conformance::Subject,
    layer::{
        fault::{Fault, faulty},
        metrics::measured,
    },
    memory,
};

mod replacing {
    use super::*;
    storage::conformance_suite!(async { Subject::of(memory::open(WritePath::Replace)) });
}

mod appending {
    use super::*;
    storage::conformance_suite!(async { Subject::of(memory::open(WritePath::Append)) });
}

mod under_metrics {
    use super::*;
    storage::conformance_suite!(async { Subject::of(measured(memory::open(WritePath::Replace))) });
}

mod at_hand {
    use super::*;
    storage::conformance_suite!(async {
        let carts = std::sync::Arc::new(memory::MemoryCartStore::at_hand(WritePath::Append));
        let stores = storage::Stores { carts, ..memory::open(WritePath::Append) };
        let never = std::sync::Arc::new(|_: &'static str| Fault::None);
        Subject::of(faulty(measured(stores), never))
    });
}

mod under_faults_that_do_not_come {
    use super::*;
    storage::conformance_suite!(async {
        let never = std::sync::Arc::new(|_: &'static str| Fault::None);
        Subject::of(faulty(memory::open(WritePath::Append), never))
    });
}

mod index_of_skus {
    storage::sku_index_suite!((storage::memory::MemorySkuIndex::new(1_000), ()));
}
