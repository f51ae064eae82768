"""What is shown of a pair, read from the project's files away from the GUI thread: frame, sound, words, detections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from annotator.store.records import PairRecord, VideoRecord
from annotator.views.widgets.painting import rgb_image
from davenet.clips import Clip, open_clip
from davenet.errors import UserError
from davenet.labels.detections import Detections, FoodDetection, newest_detections, read_detections
from davenet.labels.words import Transcript, Word, newest_transcript, read_transcript
from davenet.matchmap_file import Matchmaps, read_matchmaps
from davenet.media.log_mel import HOP_S
from davenet.media.sound import read_sound
from davenet.pairs import SEARCH_WINDOW_S, WeakLabel

SPAN_S = SEARCH_WINDOW_S + 2.0  # seconds on the time axis: the searched window with a little air
PEAK_STEP_S = 0.01
THUMBNAIL_WIDTH = 120  # pixels, for 52 on screen at twice the density
_PEAK_RATE = 8000


@dataclass(frozen=True, slots=True)
class Scene:
    """A pair as read from its files; what a file did not give is empty, and `notice` says why in a sentence."""

    pair_uid: str
    frame_rgb: NDArray[np.uint8] | None
    log_mel: NDArray[np.float16]  # (steps, 40) from start_s on
    start_s: float
    words: tuple[Word, ...]
    matched: tuple[int, ...]
    detection: FoodDetection | None
    notice: str = ""

    @property
    def envelope(self) -> NDArray[np.float32]:
        """The sound's loudness, 0..1 for each step: shown until the true peaks are read."""
        return envelope_of(self.log_mel)


def span_of(pair: PairRecord, duration_s: float) -> tuple[float, float]:
    """Returns the seconds to show around a pair: SPAN_S centred on its sound, but inside the video."""
    start = min(max(0.0, pair.sound_s - SPAN_S / 2), max(0.0, duration_s - SPAN_S))
    return start, min(start + SPAN_S, max(duration_s, start + 1.0))


def segment_of(pair: PairRecord, window_s: float, duration_s: float) -> tuple[float, float]:
    """Returns the part of the `window_s` seconds centred on the pair's sound that lies inside the video."""
    return max(0.0, pair.sound_s - window_s / 2), min(duration_s, pair.sound_s + window_s / 2)


def matched_words(words: Sequence[Word], labels: Sequence[WeakLabel]) -> tuple[int, ...]:
    """Returns the indices of the words that the labels were found in: those whose time they share."""
    spans = [(label.word_start, label.word_end) for label in labels]
    return tuple(
        index
        for index, word in enumerate(words)
        if any(min(word.end, end) - max(word.start, start) > 0.5 * (word.end - word.start) for start, end in spans)
    )


def envelope_of(log_mel: NDArray[np.floating]) -> NDArray[np.float32]:
    if len(log_mel) == 0:
        return np.zeros(0, np.float32)
    amplitude = np.sqrt((10.0 ** (log_mel.astype(np.float32) / 10)).sum(axis=1))
    return (amplitude / max(float(amplitude.max()), 1e-9)).astype(np.float32)


def read_peaks(path: Path, start_s: float, end_s: float) -> NDArray[np.float32]:
    """Returns the largest absolute sample in each PEAK_STEP_S of [start, end); raises UserError without sound."""
    sound = np.abs(read_sound(path, rate=_PEAK_RATE, start_s=start_s, end_s=end_s))
    per_step = round(_PEAK_RATE * PEAK_STEP_S)
    whole = len(sound) // per_step * per_step
    return sound[:whole].reshape(-1, per_step).max(axis=1) if whole else np.zeros(0, np.float32)


def read_scene(pair: PairRecord, video: VideoRecord, clip_path: Path, labels_dir: Path) -> Scene:
    """Reads what the project's files hold of a pair. A file that is missing or damaged leaves its part empty."""
    start, end = span_of(pair, video.duration_s)
    notices: list[str] = []
    frame, log_mel = None, np.zeros((0, 40), np.float16)
    try:
        clip = _clip(clip_path, _stamp(clip_path))
        frame = clip.frame_rgb(clip.nearest_frame(pair.time_s))
        log_mel = np.array(clip.log_mel[round(start / HOP_S) : round(end / HOP_S)])
    except UserError as error:
        notices.append(str(error))
    words, matched = _words(pair, labels_dir, start, end, notices)
    detection = _detection(pair, labels_dir, notices)
    return Scene(pair.uid, frame, log_mel, start, words, matched, detection, notices[0] if notices else "")


def _words(
    pair: PairRecord, labels_dir: Path, start: float, end: float, notices: list[str]
) -> tuple[tuple[Word, ...], tuple[int, ...]]:
    path = newest_transcript(labels_dir, pair.video_uid, pair.recogniser or None) or newest_transcript(
        labels_dir, pair.video_uid
    )
    words: tuple[Word, ...] = ()
    if path is not None:
        try:
            words = tuple(
                word for word in _transcript(path, _stamp(path)).words if word.end > start and word.start < end
            )
        except UserError as error:
            notices.append(str(error))
    if not words:  # without the transcript the labels' own words are still known
        labels = sorted(pair.labels, key=lambda label: label.word_start)
        words = tuple(Word(one.word, one.word_start, one.word_end, one.word_confidence) for one in labels)
    return words, matched_words(words, pair.labels)


def _detection(pair: PairRecord, labels_dir: Path, notices: list[str]) -> FoodDetection | None:
    path = newest_detections(labels_dir, pair.video_uid, pair.detector or None)
    if path is None:
        return None
    try:
        frames = _detections(path, _stamp(path)).frames
    except UserError as error:
        notices.append(str(error))
        return None
    nearest = min(frames, key=lambda frame: abs(frame.time - pair.time_s), default=None)
    return nearest if nearest is not None and abs(nearest.time - pair.time_s) < 0.6 else None


def read_thumbnails(
    pairs: Sequence[PairRecord], clip_path: Callable[[str], Path], width: int = THUMBNAIL_WIDTH
) -> list[tuple[str, QImage]]:
    """Returns pictures of the pairs' frames, `width` pixels wide; pairs whose clip file cannot be read are left out."""
    pictures = []
    form = cv2.IMREAD_REDUCED_COLOR_2 if width <= THUMBNAIL_WIDTH else cv2.IMREAD_COLOR
    for pair in pairs:
        path = clip_path(pair.video_uid)
        try:
            clip = _clip(path, _stamp(path))
            jpeg = clip.frame_jpeg(clip.nearest_frame(pair.time_s))
        except UserError:
            continue  # the pair itself says so when it is shown
        small = cv2.imdecode(np.asarray(jpeg), form)
        if small is None:
            continue
        if small.shape[1] > width:
            height = max(1, round(small.shape[0] * width / small.shape[1]))
            small = cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA)
        pictures.append((pair.uid, rgb_image(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))))
    return pictures


def read_newest_matchmaps(cache_dir: Path, video_uid: str) -> Matchmaps | None:
    """Returns the matchmaps of a video that were computed last, by whatever checkpoint; None where there are none."""
    found = [path for path in (cache_dir / "matchmaps").glob(f"*/{video_uid}.safetensors") if path.is_file()]
    newest = max(found, key=lambda path: path.stat().st_mtime_ns, default=None)
    return None if newest is None else _matchmaps(newest, _stamp(newest))


def _stamp(path: Path) -> int:
    """When a file was written: files read before are kept until they are written again."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=32)
def _clip(path: Path, stamp: int) -> Clip:
    return open_clip(path)


@lru_cache(maxsize=32)
def _transcript(path: Path, stamp: int) -> Transcript:
    return read_transcript(path)


@lru_cache(maxsize=32)
def _detections(path: Path, stamp: int) -> Detections:
    return read_detections(path)


@lru_cache(maxsize=4)
def _matchmaps(path: Path, stamp: int) -> Matchmaps:
    return read_matchmaps(path)
