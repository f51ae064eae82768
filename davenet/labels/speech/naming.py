"""Which video a transcript's file belongs to, by its name: "title [xHlBWc-7Kwo].en.vtt", "eggs.mp4.words.json"."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from davenet.errors import UserError
from davenet.specs import VideoRef

_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_IN_BRACKETS = re.compile(r"\[([A-Za-z0-9_-]{11})\]")
_LANGUAGE = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")


class VideoNames:
    """The names of some videos: uid, file name, stem, YouTube id, and what else the project calls them."""

    def __init__(self, videos: Sequence[VideoRef], others: Mapping[str, Sequence[str]]) -> None:
        self._by_name: dict[str, list[VideoRef]] = {}
        self._ids: dict[str, list[VideoRef]] = {}
        self._stems = [(video.path.stem, video) for video in videos]
        for video in videos:
            stem = video.path.stem
            for name in {video.uid, video.path.name, stem, *others.get(video.uid, ())} - {""}:
                self._by_name.setdefault(name, []).append(video)
                if _YOUTUBE_ID.fullmatch(name):
                    self._ids.setdefault(name, []).append(video)
            for found in _IN_BRACKETS.findall(stem):
                self._ids.setdefault(found, []).append(video)

    def find(self, path: Path) -> VideoRef | None:
        """Returns the video that a file is named after; None where there is none. Raises UserError for several."""
        for name in _stems(path.name):
            if name in self._by_name:
                return _only(self._by_name[name], name, path)
        plain = _stems(path.name)[-1]
        its_ids = [*_IN_BRACKETS.findall(path.name), *([plain] if _YOUTUBE_ID.fullmatch(plain) else [])]
        for its_id in its_ids:
            if its_id in self._ids:
                return _only(self._ids[its_id], its_id, path)
            if holding := [video for stem, video in self._stems if _stands_in(its_id, stem)]:
                return _only(holding, its_id, path)
        for video_id, videos in self._ids.items():
            if _stands_in(video_id, path.name):
                return _only(videos, video_id, path)
        return None

    def named(self, name: str, path: Path) -> VideoRef | None:
        """Returns the video that is called so inside of a file; None where there is none."""
        return _only(self._by_name[name], name, path) if name in self._by_name else None


def languages_in(path: Path) -> set[str]:
    """Returns the languages that a file's name ends in: "abc.en-orig.vtt" has en."""
    return {part.split("-")[0] for part in path.name.split(".")[1:-1] if _LANGUAGE.match(part)}


def _stems(name: str) -> list[str]:
    """Returns a name without its suffixes, one after another: a.mp4.words.json, a.mp4.words, a.mp4, a."""
    stems = [name]
    while stem := stems[-1].rpartition(".")[0]:
        stems.append(stem)
    return stems


def _stands_in(video_id: str, text: str) -> bool:
    """Returns whether an id stands in a text by itself, not inside of a longer word."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(video_id)}(?![A-Za-z0-9])", text) is not None


def _only(videos: Sequence[VideoRef], name: str, path: Path) -> VideoRef:
    if len({video.uid for video in videos}) > 1:
        raise UserError(
            f'{path}: {len(videos)} videos of the project are called "{name}"; name the file after the uid, such as '
            f"{videos[0].uid}{path.suffix}; nothing was imported."
        )
    return videos[0]
