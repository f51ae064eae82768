"""What a corpus says of its videos before any file is opened: ids, splits, recipe types, sentences (Section 4).

Made by youcook2.py, youtube8m.py and folder.py; importing.py opens the files and reports them to the project.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from davenet.corpora.splits import SplitName

CorpusName = Literal["youcook2", "youtube8m", "folder"]
CORPORA: tuple[CorpusName, ...] = ("youcook2", "youtube8m", "folder")
YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")


@dataclass(frozen=True, slots=True)
class DescribedSegment:
    """A stretch of a video with the sentence that a person wrote for it; seconds on the video's clock."""

    start_s: float
    end_s: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One video by its corpus. `files` are where it may lie, the likeliest first; none where it was not found.

    `split` is the one to use, `published` the one that the corpus was published with, where that is known. `left_out`
    says why it is not to be imported, though the corpus names it.
    """

    corpus_id: str
    split: SplitName
    published: SplitName | None = None
    recipe_type: str = ""
    language: str = ""
    segments: tuple[DescribedSegment, ...] = ()
    files: tuple[Path, ...] = ()
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus as read. `splits` says in words where its splits come from; `notes` are warnings, a sentence each."""

    name: CorpusName
    entries: tuple[Entry, ...]
    splits: str
    searched: Path  # where its videos were looked for
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)  # of what was read, for the report
