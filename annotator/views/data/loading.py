"""Reads what the Data workspace shows of one video: pictures, facts and what lies along its time. Off the GUI thread."""

from collections.abc import Sequence

import cv2
import numpy as np
from PySide6.QtGui import QImage

from annotator.project import Project, VideoState
from annotator.store.records import PairRecord, Problem
from annotator.views.data import values
from annotator.views.data.lanes import Span, Stand
from annotator.views.data.video_page import VideoDetails, matched_words
from annotator.views.widgets.painting import rgb_image
from annotator.views.widgets.time_layout import clock_text
from davenet.clips import open_clip
from davenet.errors import UserError
from davenet.labels.detections import newest_detections, read_detections
from davenet.labels.words import newest_transcript, read_transcript
from davenet.media.frames import frames_at

THUMBNAIL_HEIGHT = 72  # pixels: twice what is shown, for dense screens
FILM_HEIGHT = 80
_MARK_S = 1.0  # what a pair's mark covers: segments would lie over one another
_FILM_AT_ONCE = 24  # frames in one answer, so that the strip fills while one looks


def load_thumbnail(project: Project, state: VideoState) -> QImage | None:
    """Returns a small picture from a third into the video: from its clip file, else decoded; None where it has none."""
    wanted_s = state.video.duration_s / 3
    if state.is_extracted:
        clip = open_clip(project.clip_path(state.video.uid))
        pixels = clip.frame_rgb(clip.nearest_frame(wanted_s))
    else:
        found = next(iter(frames_at(state.video.path, [min(wanted_s, 5.0)], THUMBNAIL_HEIGHT * 2)), None)
        if found is None:
            return None
        pixels = found[1]
    return _small(pixels, THUMBNAIL_HEIGHT)


def load_film(project: Project, state: VideoState, times_s: Sequence[float]) -> dict[float, QImage]:
    """Returns the frames nearest to these times, from the clip file, by time; none where the video is not extracted."""
    if not state.is_extracted:
        return {}
    clip = open_clip(project.clip_path(state.video.uid))
    return {time_s: _small(clip.frame_rgb(clip.nearest_frame(time_s)), FILM_HEIGHT) for time_s in times_s}


def load_frame(project: Project, state: VideoState, time_s: float) -> np.ndarray | None:
    """Returns the extracted frame nearest to a time, for a video whose file is not there."""
    if not state.is_extracted:
        return None
    clip = open_clip(project.clip_path(state.video.uid))
    return clip.frame_rgb(clip.nearest_frame(time_s))


def film_parts(times_s: Sequence[float]) -> list[list[float]]:
    return [list(times_s[first : first + _FILM_AT_ONCE]) for first in range(0, len(times_s), _FILM_AT_ONCE)]


def load_details(project: Project, state: VideoState, problems: Sequence[Problem]) -> VideoDetails:
    """Returns a video's facts and what lies along its time; a label file that cannot be read becomes the problem."""
    video, trouble = state.video, [problem.reason for problem in problems]
    if not state.is_present:
        trouble.insert(0, f"{video.path} is not there; put it back, or import it from where it is now.")
    log_mel, words, frames = None, (), ()
    try:
        if state.is_extracted:
            log_mel = open_clip(project.clip_path(video.uid)).log_mel
        if path := newest_transcript(project.labels_dir, video.uid):
            words = read_transcript(path).words
        if path := newest_detections(project.labels_dir, video.uid):
            frames = read_detections(path).frames
    except UserError as error:
        trouble.append(str(error))
    pairs = project.store.pairs_of_video(video.uid, reviewer=project.reviewer)
    segments = project.store.described_segments(video.uid)
    said = [(label.word_start, label.word_end) for pair in pairs for label in pair.labels]
    return VideoDetails(
        video.uid,
        video.title,
        _facts(state, pairs, len(words), frames, len(segments)),
        "\n".join(trouble),
        video.duration_s,
        video.width / video.height if video.height else 16 / 9,
        log_mel,
        tuple(words),
        matched_words(words, said),
        tuple(frames),
        tuple(_span(pair) for pair in pairs),
        tuple(Span(each.start_s, each.end_s, each.sentence, _told_segment(each)) for each in segments),
    )


def _facts(
    state: VideoState, pairs: Sequence[PairRecord], n_words: int, frames: Sequence[object], n_segments: int
) -> tuple[tuple[str, str], ...]:
    video = state.video
    seen = sum(getattr(frame, "food", 0.0) >= 0.5 for frame in frames)
    rate = f"{video.frame_rate:.2f}".rstrip("0").rstrip(".")
    decided = sum(pair.decision in ("accept", "reject", "unsure") for pair in pairs)
    speech = "" if video.speech_share is None else f"{100 * video.speech_share:.0f} % of its sound"
    facts = [
        ("length", clock_text(video.duration_s)),
        ("split", video.split),
        ("corpus", f"{video.corpus} {video.corpus_id}".strip()),
        ("type", video.recipe_type),
        ("language", video.language),
        ("speech", speech),
        ("segments", values.number_text(n_segments) if n_segments else ""),
        ("picture", f"{video.width} × {video.height}, {rate} frames/s{', variable' if video.variable_rate else ''}"),
        ("sound", values.sound_text(video.sound_rate, video.sound_channels)),
        ("codecs", " / ".join(codec for codec in (video.video_codec, video.sound_codec) if codec)),
        ("size", values.size_text(video.size_bytes)),
        ("words", f"{values.number_text(n_words)} by {state.recognisers[-1]}" if n_words else ""),
        ("detections", f"{seen} of {len(frames)} show food" if frames else ""),
        ("detector", ", ".join(state.detectors)),
        ("pairs", f"{state.n_food_pairs} food, {state.n_non_food_pairs} non-food" if state.n_food_pairs else ""),
        ("verdicts", f"{decided} decided" if decided else ""),
        ("file", video.path.name),
        ("folder", str(video.path.parent)),
    ]
    return tuple((name, value) for name, value in facts if value)


def _span(pair: PairRecord) -> Span:
    start, end = pair.time_s - _MARK_S / 2, pair.time_s + _MARK_S / 2
    if pair.kind == "non-food":
        return Span(start, end, "", f"{clock_text(pair.time_s)}  non-food pair, {pair.segment_s:g} s", "non-food")
    stand: Stand = pair.decision if pair.decision in ("accept", "reject", "unsure") else "pending"  # type: ignore[assignment]
    labels = "\n".join(
        f"{label.class_name} {label.probability:.2f}, rank {label.rank}: “{label.word}” at "
        f"{clock_text(label.word_start, decimals=1)}"
        for label in pair.labels
    )
    name = pair.label.class_name if pair.label else ""
    state = {"accept": "accepted", "reject": "rejected"}.get(stand, stand)
    return Span(start, end, name, f"{clock_text(pair.time_s)}  food pair, {state}\n{labels}", stand)


def _told_segment(segment: object) -> str:
    start, end = getattr(segment, "start_s", 0.0), getattr(segment, "end_s", 0.0)
    return f"{clock_text(start)}–{clock_text(end)}\n{getattr(segment, 'sentence', '')}"


def _small(pixels: np.ndarray, height: int) -> QImage:
    small = cv2.resize(
        pixels, (max(1, pixels.shape[1] * height // pixels.shape[0]), height), interpolation=cv2.INTER_AREA
    )
    return rgb_image(np.asarray(small, np.uint8))
