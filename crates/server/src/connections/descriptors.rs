//! How many files the process may open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are left to the store, logs and clients of ours.
const RESERVED: u64 = 1_024;

/// Raises the limit as far as it may be; `None` where there is none.
pub(crate) fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            current
        }
    }
}

/// Connections that so many descriptors allow. Where there are few of them, the store still gets half.
pub(super) fn for_connections(descriptors: u64) -> usize {
    usize::try_from(descriptors - RESERVED.min(descriptors / 2)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_keeps_its_share_of_descriptors() {
        for (descriptors, connections) in
            [(256, 128), (1_024, 512), (20_000, 18_976), (1 << 20, (1 << 20) - 1_024)]
        {
            assert_eq!(for_connections(descriptors), connections, "{descriptors}");
        }
    }

    #[test]
    fn the_limit_is_what_the_system_allows_once_it_was_raised() {
        let raised = raise();
        assert_eq!(getrlimit(Resource::Nofile), Rlimit { current: raised, maximum: raised });
    }
}
