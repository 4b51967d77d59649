//! The key files of a backup. A key file is never written over in its place: the backup before may need it.

use super::{BackupFailed, KEYS, failed, folder::Folder, manifest::Manifest};
use std::{fs, path::Path};
use storage_embedded::BackupFile;

const SHOP: &str = "shop.key";

/// Copies the key files of a data directory.
pub(super) fn copy(
    data: &Path,
    folder: &Folder,
    before: Option<&Manifest>,
) -> Result<Vec<BackupFile>, BackupFailed> {
    let (from, to) = (data.join(KEYS), folder.keys());
    let mut copied = Vec::new();
    for file in fs::read_dir(&from).map_err(failed(&from))? {
        let name = file.map_err(failed(&from))?.file_name();
        let Some(name) = name.to_str().filter(|name| name.ends_with(".key")) else { continue };
        let path = from.join(name);
        let bytes = fs::read(&path).map_err(failed(&path))?;
        let known = before.and_then(|before| before.keys.iter().find(|known| known.name == name));
        let is_same = known.is_some_and(|known| known.blake3 == blake3::hash(&bytes).to_hex().as_str());
        if name == SHOP && known.is_some() && !is_same {
            return Err(BackupFailed::OtherShop(folder.keys()));
        }
        // Under another name first: the file in its place stays what it is, or becomes the same again.
        let written = BackupFile::write(&to, format!("{name}.new"), &bytes)?;
        let placed = to.join(name);
        fs::rename(to.join(&written.name), &placed).map_err(failed(&placed))?;
        copied.push(BackupFile { name: name.to_owned(), ..written });
    }
    copied.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(copied)
}
