//! `evercart completions`.

use crate::harness::evercart;

#[tokio::test]
async fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = evercart(&["completions", shell]).await.exits(0).out;
        assert!(script.contains("catalog") && script.contains("import"), "{shell}");
    }
    evercart(&["completions", "abacus"]).await.exits(2);
}
