//! The suite that every engine passes.

use storage::conformance::Subject;
use storage::{WritePath, memory};

async fn subject() -> Subject {
    match crate::local::shared().await {
        Some(url) => Subject::of(crate::local::fresh(&url).await.stores()),
        // Said aloud by then, and an error where `CI` is set.
        None => Subject::of(memory::open(WritePath::Replace)),
    }
}

storage::conformance_suite!(super::subject());
