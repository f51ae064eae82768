"""What YouCook2's annotations say of all their ids, kept in the project: a video that comes later is known by its name.

Written when the annotations are imported, whatever videos were found then; read by the plain import.
"""

import csv
import io
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotator.project import Project
from annotator.store.records import VideoRecord
from davenet.corpora.entries import DescribedSegment
from davenet.corpora.media_files import IdFinder
from davenet.errors import UserError
from davenet.files import write_text_atomically

CORPUS = "youcook2"


@dataclass(frozen=True, slots=True)
class Known:
    """One id of the corpus with what it says of it."""

    corpus_id: str
    split: str
    recipe_type: str
    segments: tuple[DescribedSegment, ...]

    def named(self, video: VideoRecord) -> VideoRecord:
        return replace(
            video,
            corpus=CORPUS,
            corpus_id=self.corpus_id,
            split=self.split,  # type: ignore[arg-type] # as it was imported
            recipe_type=self.recipe_type,
        )


def write_known(project: Project, described: Iterable[Any]) -> None:
    """Keeps what an import of the corpus read of each id (ImportedVideo or NotImported)."""
    lines = [
        json.dumps(
            {
                "id": each.corpus_id,
                "split": each.split,
                "recipe_type": each.recipe_type,
                "segments": [[part.start_s, part.end_s, part.sentence] for part in each.segments],
            },
            ensure_ascii=False,
        )
        for each in described
    ]
    write_text_atomically(_path(project), "".join(f"{line}\n" for line in lines))


def known_by_name(project: Project, paths: Iterable[Path]) -> dict[Path, Known]:
    """Returns which of the files are named by an id of the corpus; none where its annotations were not imported.

    Raises UserError where what was kept of them is damaged.
    """
    file = _path(project)
    if not file.is_file():
        return {}
    lines: dict[str, str] = {}
    try:
        for line in file.read_text("utf-8").splitlines():
            lines[json.loads(line)["id"]] = line
        finder = IdFinder(lines)
        named = {path: found[0] for path in paths if (found := finder.id_of(path)) is not None}
        return {path: _known(json.loads(lines[each])) for path, each in named.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is damaged; import YouCook2's annotations again.") from error


def strike_off(project: Project, ids: Collection[str]) -> None:
    """Takes ids that have come in out of the list of those that have not."""
    file = not_imported_path(project, CORPUS)
    if not ids or not file.is_file():
        return
    with open(file, encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(row for row in rows if not row or row[0] not in ids)
    write_text_atomically(file, text.getvalue())


def not_imported_path(project: Project, corpus: str) -> Path:
    """Where the videos of a corpus that did not come in are listed, with the reason for each."""
    return project.path / "corpora" / f"{corpus}.not-imported.csv"


def _known(values: dict[str, Any]) -> Known:
    segments = tuple(DescribedSegment(*each) for each in values["segments"])
    return Known(str(values["id"]), str(values["split"]), str(values["recipe_type"]), segments)


def _path(project: Project) -> Path:
    return project.path / "corpora" / f"{CORPUS}.known.jsonl"
