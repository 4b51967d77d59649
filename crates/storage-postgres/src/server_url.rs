//! The address of a server with its credentials.
//!
//! Always: what is printed names host, port and database, and never the password, not even when the address cannot be
//! read.

use std::fmt;
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// A server as `postgres://user:password@host:port/database`, or as `key=value` pairs. Several hosts may be named: the
/// first that takes writes is used.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(Config);

/// The address cannot be read. What was given is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error(
    "the address of the server cannot be read: write `postgres://user:password@host:5432/database`, with `%40` for `@` \
     and `%2F` for `/` inside of the password"
)]
pub struct BadServerUrl;

impl FromStr for ServerUrl {
    type Err = BadServerUrl;

    fn from_str(text: &str) -> Result<Self, BadServerUrl> {
        let config = Config::from_str(text.trim()).map_err(|_| BadServerUrl)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(BadServerUrl);
        }
        Ok(Self(config))
    }
}

impl ServerUrl {
    pub(crate) fn config(&self) -> &Config {
        &self.0
    }

    /// Whom to log in as.
    pub(crate) fn user(&self) -> &str {
        self.0.get_user().unwrap_or("the user of this process")
    }

    /// The database, which is named after the user where it is not said.
    pub(crate) fn database(&self) -> &str {
        self.0.get_dbname().or(self.0.get_user()).unwrap_or("postgres")
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.0.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.0.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let addresses = self.0.get_hostaddrs().iter().map(ToString::to_string);
        let named: Vec<String> =
            if self.0.get_hosts().is_empty() { addresses.collect() } else { hosts.collect() };
        let places: Vec<String> =
            named.iter().enumerate().map(|(at, name)| format!("{name}:{}", port(at))).collect();
        write!(f, "{}/{}", places.join(","), self.database())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let url: ServerUrl =
            "postgres://shop:hunter2@db.example:6432,db2.example:6433/carts".parse().unwrap();
        assert_eq!(format!("{url}"), "db.example:6432,db2.example:6433/carts");
        assert_eq!(format!("{url:?}"), "ServerUrl(db.example:6432,db2.example:6433/carts)");
        let pairs: ServerUrl = "host=127.0.0.1 user=shop password=hunter2".parse().unwrap();
        assert_eq!(format!("{pairs}"), "127.0.0.1:5432/shop");
    }

    #[test]
    fn an_address_that_cannot_be_read_is_not_repeated() {
        for text in ["postgres://shop:hunter2@db:port/carts", "hunter2=hunter2", "hunter2", ""] {
            let refusal = text.parse::<ServerUrl>().unwrap_err();
            let said = format!("{refusal} {refusal:?}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
