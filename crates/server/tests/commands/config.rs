//! `evercart config`.

use crate::harness::{evercart, evercart_with};

#[tokio::test]
async fn a_wrong_file_is_refused_with_the_nearest_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evercart.toml");
    let name = file.to_str().unwrap();
    std::fs::write(&file, "[limits]\nlines_max = 200\n").unwrap();
    evercart(&["config", "check", "--config", name]).await.exits(0);
    std::fs::write(&file, "[limits]\nline_max = 200\n").unwrap();
    let refused = evercart(&["config", "check", "--config", name]).await.exits(1);
    assert!(refused.err.contains("did you mean `limits.lines_max`?"), "{}", refused.err);
    let refused = evercart(&["config", "check", "--json", "--config", name]).await.exits(1).json();
    assert_eq!(refused["ok"], false);
    evercart(&["config", "check", "--config", "no-such-file"]).await.exits(1);
    evercart(&["config", "chek"]).await.exits(2);
}

#[tokio::test]
async fn what_is_in_force_is_shown_with_its_source_and_can_be_used_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evercart.toml");
    std::fs::write(&file, "region = \"north\"\n").unwrap();
    let words = ["config", "show", "--config", file.to_str().unwrap()];
    let variables = [("EVERCART_LIMITS__LINES_MAX", "500")];
    let shown = evercart_with(&words, &variables).await.exits(0).out;
    assert!(shown.contains("region = \"north\"  # "), "{shown}");
    assert!(shown.contains("lines_max = 500  # EVERCART_LIMITS__LINES_MAX"), "{shown}");
    assert!(shown.contains("currency = \"GBP\"  # default"), "{shown}");
    let json = evercart_with(&[&words[..], &["--json"]].concat(), &variables).await.exits(0).json();
    assert_eq!(json["limits.lines_max"]["value"], 500);
    std::fs::write(&file, &shown).unwrap();
    evercart(&["config", "check", "--config", file.to_str().unwrap()]).await.exits(0);
}
