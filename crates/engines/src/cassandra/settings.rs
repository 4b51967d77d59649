//! What a node is told: flags of its machine, properties, and the files in its folder `conf`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{NATIVE_PORT, Options, Place, STORAGE_PORT};
use crate::certificate::Certificate;
use crate::{Error, Result};

/// A small machine that starts fast.
pub(super) const MACHINE: [&str; 8] = [
    "-Xms128m",
    "-Xmx384m",
    "-Xss512k",
    "-XX:MaxDirectMemorySize=256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
];

const CERTIFICATE: &str = "server.crt";
/// The key, with the certificate behind it.
const KEY: &str = "server.pem";

/// Packages of Java that Cassandra uses and that are closed since Java 9.
const EXPORTED: [&str; 8] = [
    "java.base/jdk.internal.misc",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.unsupported/sun.misc",
];

/// Those that it also looks into.
const OPENED: [&str; 15] = [
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
];

/// The flags for both.
pub(super) fn opened_modules() -> impl Iterator<Item = String> {
    let flags = |flag: &'static str| move |package: &&str| format!("--add-{flag}={package}=ALL-UNNAMED");
    let management = "--add-opens=jdk.management/com.sun.management.internal=ALL-UNNAMED".to_owned();
    EXPORTED.iter().map(flags("exports")).chain(OPENED.iter().map(flags("opens"))).chain([management])
}

/// Where the node finds its files, and what it need not wait for: it is alone, or whoever started it and its peers waits
/// until all of them see each other.
///
/// `cassandra.unsafesystem` would save a second, and a node that was killed would have forgotten its tables.
pub(super) fn properties(folder: &Path) -> Vec<String> {
    let folder = folder.display();
    vec![
        // Without it the log ends after the start.
        "-Dcassandra-foreground=yes".to_owned(),
        format!("-Dcassandra.config=file://{folder}/conf/cassandra.yaml"),
        format!("-Dcassandra-rackdc.properties=file://{folder}/conf/cassandra-rackdc.properties"),
        format!("-Dlogback.configurationFile={folder}/conf/logback.xml"),
        format!("-Dcassandra.storagedir={folder}/data"),
        format!("-Dcassandra.logdir={folder}"),
        "-Djdk.attach.allowAttachSelf=true".to_owned(),
        "-Dio.netty.tryReflectionSetAccessible=true".to_owned(),
        "-Dcassandra.skip_wait_for_gossip_to_settle=0".to_owned(),
        "-Dcassandra.ring_delay_ms=1000".to_owned(),
        "-Dcassandra.superuser_setup_delay_ms=0".to_owned(),
    ]
}

/// Writes the files of `conf`.
pub(super) fn write(folder: &Path, place: &Place, options: &Options) -> Result<()> {
    let conf = folder.join("conf");
    fs::create_dir_all(&conf).map_err(Error::file(&conf))?;
    let write = |name: &str, text: &str| {
        let path = conf.join(name);
        fs::write(&path, text).map_err(Error::file(&path))
    };
    let mut yaml = yaml(folder, place, options);
    if options.tls {
        let made = Certificate::made(&[place.address], &conf)?;
        write(CERTIFICATE, &made.shown)?;
        write(KEY, &(made.key + &made.shown))?;
        yaml += &tls(&conf.join(KEY));
    }
    write("cassandra.yaml", &yaml)?;
    write("cassandra-rackdc.properties", &format!("dc={}\nrack=r1\n", options.datacenter))?;
    write("logback.xml", LOGGING)
}

/// Where the certificate of a node with TLS is.
pub(super) fn certificate(folder: &Path) -> PathBuf {
    folder.join("conf").join(CERTIFICATE)
}

/// TLS for who wants it; whoever looks whether the node is ready does not.
fn tls(key: &Path) -> String {
    let key = key.display();
    format!(
        r#"client_encryption_options:
  enabled: true
  optional: true
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
  keystore: "{key}"
"#
    )
}

fn yaml(folder: &Path, place: &Place, options: &Options) -> String {
    let address = place.address;
    let seeds = place.seeds.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let authenticator = if options.password { "PasswordAuthenticator" } else { "AllowAllAuthenticator" };
    let data = folder.join("data");
    let data = data.display();
    format!(
        r#"cluster_name: evercart
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: GossipingPropertyFileSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "{seeds}"}}]
listen_address: {address}
rpc_address: {address}
storage_port: {STORAGE_PORT}
native_transport_port: {NATIVE_PORT}
authenticator: {authenticator}
data_file_directories: ["{data}/data"]
commitlog_directory: "{data}/commitlog"
saved_caches_directory: "{data}/saved_caches"
hints_directory: "{data}/hints"
cdc_raw_directory: "{data}/cdc_raw"
commitlog_sync: batch
auto_bootstrap: false
memtable_heap_space: 64MiB
memtable_offheap_space: 64MiB
file_cache_enabled: false
key_cache_size: 4MiB
networking_cache_size: 16MiB
"#
    )
}

const LOGGING: &str = r#"<configuration scan="false">
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date{ISO8601} %-5level [%thread] %F:%L %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="OUT"/></root>
</configuration>
"#;
