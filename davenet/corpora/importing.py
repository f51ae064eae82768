"""Importing a corpus: its annotations are read whole, then its files are opened one by one; no torch, no database.

Everything is checked before the first file is opened, and the result is one file that the project takes in at once: bad
annotations never lead to a part of an import.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from davenet import events
from davenet.corpora.entries import Corpus, DescribedSegment, Entry
from davenet.corpora.folder import read_folder
from davenet.corpora.language import (
    LanguageIdentifier,
    can_listen,
    language_code,
    whisper_identifier,
)
from davenet.corpora.splits import SplitName, parse_split_by
from davenet.corpora.youcook2 import read_youcook2
from davenet.corpora.youtube8m import read_youtube8m
from davenet.errors import UserError, one_line
from davenet.files import atomic_path
from davenet.jobs import started
from davenet.labels.speech.auto import INSTALL
from davenet.media.importing import media_json
from davenet.media.probe import MediaInfo, probe, video_uid
from davenet.specs import FolderSource, ImportCorpusSpec, YouCook2Source, YouTube8MSource

_LEAST_LANGUAGE_PROBABILITY = 0.5


@dataclass(frozen=True, slots=True)
class ImportedVideo:
    """A video of a corpus that can be used: what its file holds, and what the corpus says of it."""

    uid: str
    media: Mapping[str, Any]
    corpus_id: str
    split: SplitName
    published: SplitName | None
    recipe_type: str
    language: str
    speech_share: float | None
    segments: tuple[DescribedSegment, ...]


@dataclass(frozen=True, slots=True)
class NotImported:
    """An id of a corpus that did not come in: `is_missing` where no file was found, else `reason` says why."""

    corpus_id: str
    split: SplitName
    published: SplitName | None
    recipe_type: str
    reason: str
    is_missing: bool
    path: str
    segments: tuple[DescribedSegment, ...]


def import_corpus(spec: ImportCorpusSpec, emit: events.Emit, stop: Callable[[], bool]) -> dict[str, Any]:
    """Writes what came in and what did not to `spec.out`, and returns the counts.

    Returns {"corpus", "splits" (in words), "unusable": [{path, reason}]} and the numbers of "ids", "videos", "missing" and
    "left_out". Raises UserError for annotations that cannot be used and where no video was found; events.Stop between
    files when asked to stop, with the same result for what had been opened.
    """
    emit(started("import-corpus", None, "videos"))
    corpus = read_corpus(spec.source, emit=emit, stop=stop)
    for note in corpus.notes:
        emit(events.Message(note, "warning"))
    if not any(entry.files for entry in corpus.entries):
        raise UserError(
            f"None of the {len(corpus.entries)} videos was found below {corpus.searched}; give the folder that they lie in, "
            "named by their ids." + "".join(f" {note}" for note in corpus.notes)
        )
    opened = _Opening(spec, corpus, emit)
    for number, entry in enumerate(opened.to_open):
        if stop():
            opened.write(spec.out)
            raise events.Stop(opened.result())
        emit(events.Progress(number, len(opened.to_open), "videos", entry.files[0].name))
        opened.open(entry)
    opened.write(spec.out)
    emit(events.Progress(len(opened.to_open), len(opened.to_open), "videos"))
    return opened.result()


def read_corpus(
    source: YouCook2Source | YouTube8MSource | FolderSource,
    *,
    emit: events.Emit = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> Corpus:
    """Reads a corpus's files and finds its videos, opening none; raises UserError for whatever is wrong in them."""
    match source:
        case YouCook2Source():
            return read_youcook2(
                source.annotations,
                source.videos,
                split_folder=source.splits,
                recipes=source.recipes,
                split_by=parse_split_by(source.split_by or "published"),
            )
        case YouTube8MSource():
            return read_youtube8m(
                source.records,
                source.vocabulary,
                source.videos,
                metadata=source.metadata,
                ids=source.ids,
                language=source.language,
                split_folder=source.splits,
                split_by=parse_split_by(source.split_by or "published"),
                emit=emit,
                stop=stop,
            )
        case FolderSource():
            chosen = None if source.split_by is None else parse_split_by(source.split_by)
            return read_folder(source.folder, table=source.table, split_by=chosen)


def read_imported(path: Path) -> Iterator[ImportedVideo | NotImported]:
    """Yields what `import_corpus` wrote."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            values = json.loads(line)
            segments = tuple(DescribedSegment(*each) for each in values.pop("segments"))
            kind = ImportedVideo if "media" in values else NotImported
            yield kind(segments=segments, **values)


class _Opening:
    """Opens the files of a corpus, and keeps what came of each."""

    def __init__(self, spec: ImportCorpusSpec, corpus: Corpus, emit: events.Emit) -> None:
        self._spec, self._corpus, self._emit = spec, corpus, emit
        self._videos: dict[str, ImportedVideo] = {}  # by content
        self._others: list[NotImported] = []
        self._unusable: list[dict[str, str]] = []
        self._identifier: LanguageIdentifier | None = None
        self.to_open: list[Entry] = []
        for entry in corpus.entries:
            if not entry.files:
                self._leave_out(entry, f"not found below {corpus.searched}", is_missing=True)
            elif entry.left_out:
                self._leave_out(entry, entry.left_out)
            else:
                self.to_open.append(entry)
        if isinstance(spec.source, YouTube8MSource):
            self._prepare_to_listen(spec.source)

    def open(self, entry: Entry) -> None:
        """Takes the first of the entry's files that can be used."""
        info, reasons = None, []
        for path in entry.files:
            try:
                info = probe(path)
                break
            except UserError as error:
                reasons.append((path, one_line(error)))
        if info is None:
            path, reason = reasons[0]
            self._unusable.append({"path": str(path), "reason": reason})
            self._emit(events.Skipped(str(path), reason))
            self._leave_out(entry, reason, path=path)
            return
        same = self._videos.get(info.source_hash)
        if same is not None:
            self._leave_out(entry, f"the same file as {same.corpus_id}, {same.media['path']}", path=info.path)
            return
        language, speech_share = entry.language, None
        if isinstance(self._spec.source, YouTube8MSource):
            known = self._spec.known.get(info.source_hash)
            language = language or (known.language if known else "")
            speech_share = known.speech_share if known else None
            try:
                language, speech_share, reason = self._heard(self._spec.source, info, language, speech_share)
            except UserError as error:
                self._unusable.append({"path": str(info.path), "reason": one_line(error)})
                reason = one_line(error)
            if reason:
                self._leave_out(entry, reason, path=info.path)
                return
        uid = video_uid(info.path, info.source_hash)
        self._videos[info.source_hash] = ImportedVideo(
            uid,
            media_json(info, uid),
            entry.corpus_id,
            entry.split,
            entry.published,
            entry.recipe_type,
            language,
            speech_share,
            entry.segments,
        )

    def result(self) -> dict[str, Any]:
        n_missing = sum(other.is_missing for other in self._others)
        return {
            "corpus": self._corpus.name,
            "splits": self._corpus.splits,
            "ids": len(self._corpus.entries),
            "videos": len(self._videos),
            "missing": n_missing,
            "left_out": len(self._others) - n_missing - len(self._unusable),
            "unusable": self._unusable,
        }

    def write(self, path: Path) -> None:
        with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as out:
            for line in self._lines():
                out.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _lines(self) -> Iterable[dict[str, Any]]:
        found: list[ImportedVideo | NotImported] = [*self._videos.values(), *self._others]
        for each in found:
            yield asdict(each) | {"segments": [[part.start_s, part.end_s, part.sentence] for part in each.segments]}

    def _leave_out(self, entry: Entry, reason: str, *, is_missing: bool = False, path: Path | None = None) -> None:
        where = path or (entry.files[0] if entry.files else None)
        self._others.append(
            NotImported(
                entry.corpus_id,
                entry.split,
                entry.published,
                entry.recipe_type,
                reason,
                is_missing,
                str(where or ""),
                entry.segments,
            )
        )

    def _prepare_to_listen(self, source: YouTube8MSource) -> None:
        untagged = sum(not entry.language for entry in self.to_open)
        if source.language == "any" or not untagged:
            return
        reason = f"install faster-whisper ({INSTALL})"
        if source.language_model is not None or can_listen():
            try:
                self._identifier = whisper_identifier(source.language_model)
            except UserError as error:
                if source.language_model is not None:
                    raise
                reason = one_line(error).rstrip(".")
        if self._identifier is not None:
            text = f"{untagged} videos have no language in their metadata: {self._identifier.name} listens to them."
            self._emit(events.Message(text))
            return
        text = f"{untagged} videos have no language in their metadata and are left out; to tell it by their sound: {reason}."
        self._emit(events.Message(text, "warning"))

    def _heard(
        self, source: YouTube8MSource, info: MediaInfo, language: str, speech_share: float | None
    ) -> tuple[str, float | None, str]:
        """Returns the language, the share of speech and why the video is to be left out ("" where it is not)."""
        if source.least_speech > 0:
            from davenet.labels.speech.voice import speech_share as share_of_speech

            speech_share = share_of_speech(info.path) if speech_share is None else speech_share
            if speech_share < source.least_speech:
                return language, speech_share, f"no speech ({100 * speech_share:.1f} % of its sound)"
        if source.language == "any":
            return language, speech_share, ""
        if not language:
            if self._identifier is None:
                return "", speech_share, "its language is not known"
            heard = self._identifier.hear(info.path)
            language = heard.language
            if heard.probability < _LEAST_LANGUAGE_PROBABILITY:
                return language, speech_share, f"its language is unsure ({language}, {heard.probability:.2f})"
        if language != language_code(source.language):
            return language, speech_share, f"its language is {language}"
        return language, speech_share, ""
