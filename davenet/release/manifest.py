"""The manifest of a release: the hash and length of each of its files, and whether a folder still has them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from davenet.errors import UserError, one_line
from davenet.files import write_text_atomically
from davenet.release.columns import FORMAT_VERSION
from davenet.release.facts import FORMAT, MANIFEST, Facts, FileFacts, Manifest, MediaFacts, read_manifest


def write_manifest(folder: Path, rows: Mapping[str, int], facts: Facts, media: MediaFacts | None) -> Manifest:
    """Writes the manifest over the files named by `rows` (with how many rows or pairs each has)."""
    files = {
        name: FileFacts(bytes=(folder / name).stat().st_size, sha256=sha256_of(folder / name), rows=number)
        for name, number in sorted(rows.items())
    }
    manifest = Manifest(format=FORMAT, version=FORMAT_VERSION, facts=facts, media=media, files=files)
    write_text_atomically(folder / MANIFEST, manifest.model_dump_json(indent=1) + "\n")
    return manifest


def verified_manifest(folder: Path) -> Manifest:
    """Returns a release's manifest; raises UserError naming the first file that is missing, cut short or changed.

    The card may be edited: it is not in the manifest.
    """
    manifest = read_manifest(folder)
    for name, expected in manifest.files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise UserError(f"{folder / MANIFEST} names a file outside the release ({name}); get the release again.")
        try:
            size = path.stat().st_size
            if size != expected.bytes:
                told = "is cut short" if size < expected.bytes else "has grown"
                raise UserError(
                    f"{path} {told} ({size} of {expected.bytes} bytes); get the release again; nothing was imported."
                )
            if sha256_of(path) != expected.sha256:
                raise UserError(
                    f"{path} was changed since the release was made; get the release again; nothing was imported."
                )
        except FileNotFoundError as error:
            raise UserError(f"{path} is missing; get the release again; nothing was imported.") from error
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror or one_line(error)}); check it.") from error
    return manifest


def sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
