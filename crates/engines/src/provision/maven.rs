//! Jars from Maven's registry: one artefact with everything it needs to run, by the ordinary client.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::java;
use crate::{Error, Folder, Result, program};

/// One artefact, as Maven names it.
pub(crate) struct Artefact {
    pub(crate) engine: &'static str,
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

/// The folder with the jars of `artefact` and of all it needs.
pub(crate) fn jars(folder: &Folder, artefact: &Artefact) -> Result<PathBuf> {
    let name = format!("{}-{}", artefact.name, artefact.version);
    super::folder(folder, &name, |made| download(&java::maven(folder, artefact.engine)?, made, artefact))
}

fn download(maven: &Path, folder: &Path, artefact: &Artefact) -> Result<()> {
    let project = folder.join("pom.xml");
    fs::write(&project, project_of(artefact)).map_err(Error::file(&project))?;
    let mut maven = Command::new(maven);
    maven.current_dir(folder);
    maven.args(["--batch-mode", "--quiet", "--no-transfer-progress", "-Dstyle.color=never"]);
    maven.args(["dependency:copy-dependencies", "-DincludeScope=runtime"]);
    maven.arg(format!("-DoutputDirectory={}", folder.display()));
    program::output(maven, Duration::from_mins(15)).map(drop).map_err(|error| {
        let told = reason(&error);
        let advice =
            "Maven gets no jars. Set up the way to its registry (proxy, mirror, certificates), try again";
        Error::missing(artefact.engine, format!("{advice}: {told}"))
    })
}

/// The first thing that Maven complains about; pages of advice for users of Maven follow it.
fn reason(error: &Error) -> String {
    match error {
        Error::Failed { output, .. } => {
            let complaints =
                output.lines().filter_map(|line| line.split_once("[ERROR]")).map(|(_, what)| what.trim());
            complaints.clone().find(|what| !what.is_empty()).unwrap_or(output).to_owned()
        }
        error => error.to_string(),
    }
}

fn project_of(artefact: &Artefact) -> String {
    let Artefact { group, name, version, .. } = artefact;
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">
  <modelVersion>4.0.0</modelVersion>
  <groupId>evercart</groupId><artifactId>engine</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>
  </dependency></dependencies>
</project>
"
    )
}
