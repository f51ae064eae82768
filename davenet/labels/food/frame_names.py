"""How the file name of a frame gives its video and its time: "xHlBWc/000012.jpg", "xHlBWc_12.0.jpg".

A pattern is matched against the end of a path, whatever folders or archive come before; its suffix may be left out:
`{video}` the video's name, `{second}` seconds, whole or not, `{ms}` milliseconds, `{frame}` the number of a frame at 1 a
second from 0, `{frame@RATE}` at RATE a second, `{frame@RATE,1}` at RATE a second from 1.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from davenet.errors import UserError

USUAL = ("{video}/{second}", "{video}_{second}", "{video}-{second}")

_FIELD = re.compile(r"\{(video|second|ms|frame)(?:@(\d+(?:\.\d+)?(?:/\d+)?))?(?:,(\d+))?\}")
_SHAPES = {"video": r"(?P<video>[^/]+)", "second": r"(?P<time>\d+(?:\.\d+)?)"}


@dataclass(frozen=True, slots=True)
class FrameNames:
    """One pattern, ready to be matched."""

    pattern: str
    shape: re.Pattern[str]
    frames_a_second: float
    first: int

    def video_and_time(self, path: str) -> tuple[str, float] | None:
        """Returns the video's name and the frame's seconds; None where the path is not of this pattern."""
        found = self.shape.search(path.replace("\\", "/"))
        if found is None:
            return None
        time_s = (float(found["time"]) - self.first) / self.frames_a_second
        return (found["video"], time_s) if time_s >= 0 else None


def frame_names(pattern: str) -> FrameNames:
    """Returns the pattern ready to be matched; raises UserError where it does not name a video and one time."""
    fields = [match[1] for match in _FIELD.finditer(pattern)]
    rest = _FIELD.sub("", pattern)
    if fields.count("video") != 1 or len(fields) != 2 or "{" in rest or "}" in rest:
        raise UserError(
            f'"{pattern}" does not say where a frame\'s video and time stand; write e.g. '
            '"{video}/{second}.jpg", "{video}_{ms}.png" or "{video}/{frame@25,1}.jpg".'
        )
    rate, first = 1.0, 0
    shape, end = "", 0
    for match in _FIELD.finditer(pattern):
        shape += re.escape(pattern[end : match.start()]) + _SHAPES.get(match[1], r"(?P<time>\d+)")
        end = match.end()
        if match[1] == "ms":
            rate = 1000.0
        elif match[1] == "frame":
            number, _, below = (match[2] or "1").partition("/")
            rate, first = float(number) / float(below or 1) if float(below or 1) else 0.0, int(match[3] or 0)
        elif match[2] or match[3]:
            raise UserError(f'"{pattern}": only {{frame}} has a rate; write {{{match[1]}}} without one.')
    if rate <= 0:
        raise UserError(f'"{pattern}" gives a rate of 0 frames a second; correct it.')
    suffix = re.escape(pattern[end:]) if pattern[end:] else r"(?:\.[A-Za-z][A-Za-z0-9]{1,4})?"
    return FrameNames(pattern, re.compile(rf"(?:^|/){shape}{suffix}$"), rate, first)


def fitting(paths: Sequence[str], is_known: Callable[[str], bool]) -> FrameNames | None:
    """Returns the usual pattern by which most of the paths name a known video; None where none does."""
    usual = [frame_names(pattern) for pattern in USUAL]
    counts = [sum((found := names.video_and_time(path)) is not None and is_known(found[0]) for path in paths)
              for names in usual]  # fmt: skip
    best = max(counts, default=0)
    return usual[counts.index(best)] if best else None
