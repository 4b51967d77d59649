//! A setting that is never shown: not by `config show`, not in a message, not by a debugger.
//!
//! What begins with `file:` names a file that holds the secret, for machines that hand secrets out so.

use super::ConfigError;
use serde::{Deserialize, Serialize, Serializer};
use std::{fmt, path::PathBuf};

/// What stands for a secret that is set.
pub(super) const HIDDEN: &str = "hidden";

const IN_FILE: &str = "file:";

/// A secret as it was configured; empty where there is none.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// True where nothing is configured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret itself, or what the file says that it names; `key` is for the message.
    pub(super) fn read(&self, key: &'static str) -> Result<String, ConfigError> {
        let Some(path) = self.0.strip_prefix(IN_FILE).map(PathBuf::from) else { return Ok(self.0.clone()) };
        let text = std::fs::read_to_string(&path);
        text.map(|text| text.trim().to_owned()).map_err(|source| ConfigError::File { key, path, source })
    }

    /// The secret itself, for whoever signs with it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_empty() { "" } else { HIDDEN })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "none" } else { HIDDEN })
    }
}
