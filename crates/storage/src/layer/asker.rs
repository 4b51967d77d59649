//! For whom a store is asked: for somebody who waits for an answer, or for what works behind requests.
//!
//! It goes with the task, and tasks that it starts do not have it. Deliberately absent: who somebody is.

tokio::task_local!(static WORKER: ());

/// Does work that nobody waits for.
pub async fn as_worker<T>(work: impl Future<Output = T>) -> T {
    WORKER.scope((), work).await
}

/// For whom this task asks: `request` or `worker`.
pub fn asker() -> &'static str {
    if is_worker() { "worker" } else { "request" }
}

/// True where nobody waits for what this task does.
pub fn is_worker() -> bool {
    WORKER.try_with(|()| ()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{as_worker, asker};

    #[tokio::test]
    async fn what_a_worker_asks_is_told_from_what_a_request_asks() {
        let (worker, request) = tokio::join!(as_worker(async { asker() }), async { asker() });
        assert_eq!((worker, request, asker()), ("worker", "request", "request"));
    }
}
