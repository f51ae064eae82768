"""Reads what the Data workspace shows of one video: picture, facts, words and detections. Off the GUI thread."""

from collections.abc import Sequence

import cv2
import numpy as np
from PySide6.QtGui import QImage

from annotator.project import Project, VideoState
from annotator.store.records import Problem
from annotator.views.data import values
from annotator.views.data.workspace import VideoDetails
from annotator.views.widgets.painting import rgb_image
from annotator.views.widgets.time_layout import clock_text
from davenet.clips import open_clip
from davenet.errors import UserError
from davenet.labels.detections import newest_detections, read_detections
from davenet.labels.words import newest_transcript, read_transcript
from davenet.media.frames import frames_at

THUMBNAIL_HEIGHT = 72  # pixels: twice what is shown, for dense screens


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
    height, width = pixels.shape[:2]
    small = cv2.resize(
        pixels, (max(1, width * THUMBNAIL_HEIGHT // height), THUMBNAIL_HEIGHT), interpolation=cv2.INTER_AREA
    )
    return rgb_image(np.asarray(small, np.uint8))


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
    seen = sum(frame.food >= 0.5 for frame in frames)
    rate = f"{video.frame_rate:.2f}".rstrip("0").rstrip(".")
    facts = [
        ("length", clock_text(video.duration_s)),
        ("picture", f"{video.width} × {video.height}, {rate} frames/s{', variable' if video.variable_rate else ''}"),
        ("sound", values.sound_text(video.sound_rate, video.sound_channels)),
        ("codecs", " / ".join(codec for codec in (video.video_codec, video.sound_codec) if codec)),
        ("size", values.size_text(video.size_bytes)),
        ("split", video.split),
        ("words", f"{values.number_text(len(words))} by {state.recognisers[-1]}" if words else ""),
        ("detections", f"{seen} of {len(frames)} frames show food" if frames else ""),
        ("detector", ", ".join(state.detectors)),
        ("pairs", f"{state.n_food_pairs} food, {state.n_non_food_pairs} non-food" if state.n_food_pairs else ""),
        ("file", video.path.name),
        ("folder", str(video.path.parent)),
    ]
    shown = tuple((name, value) for name, value in facts if value)
    return VideoDetails(
        video.uid, video.title, shown, "\n".join(trouble), video.duration_s, log_mel, tuple(words), tuple(frames)
    )
