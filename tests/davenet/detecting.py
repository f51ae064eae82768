"""What the tests of food detectors share: clips of frames that grow redder, and specs of the detect job."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from davenet import events
from davenet.clips import clip_path, write_clip
from davenet.labels.detections import Detections, newest_detections, read_detections
from davenet.specs import DetectSpec, VideoRef

CLASSES = "Egg\nFood\nFrying pan\n"


def quiet(event: events.Event) -> None:
    pass


def plain(red: int, green: int, blue: int, size: tuple[int, int] = (20, 30)) -> np.ndarray:
    return np.full((*size, 3), (red, green, blue), np.uint8)


def prepare(folder: Path, uid: str = "a", n_frames: int = 11) -> VideoRef:
    """A clip of frames that grow redder, on whose green channel nothing is."""
    jpegs = [
        cv2.imencode(".png", plain(round(255 * i / (n_frames - 1)), 0, 255)[..., ::-1])[1].tobytes()
        for i in range(n_frames)
    ]
    mel = np.zeros((100 * n_frames, 40), np.float16)
    metadata = {"video": uid, "source_hash": "h"}
    times_s = np.arange(float(n_frames))
    write_clip(
        clip_path(folder / "clips", uid), frames_jpeg=jpegs, frame_times_s=times_s, log_mel=mel, metadata=metadata
    )
    (folder / f"{uid} film.mp4").write_bytes(b"a video")
    return VideoRef(uid=uid, path=folder / f"{uid} film.mp4")


def spec_of(folder: Path, *videos: VideoRef, detector: str, **values: Any) -> DetectSpec:
    classes = values.pop("classes", CLASSES)
    if classes is not None:
        (folder / "classes.txt").write_text(classes, "utf-8")
        values["classes"] = folder / "classes.txt"
    return DetectSpec(
        videos=list(videos), clips_dir=folder / "clips", labels_dir=folder / "labels", detector=detector, **values
    )


def found_in(folder: Path, uid: str = "a") -> Detections:
    path = newest_detections(folder / "labels", uid)
    assert path is not None
    return read_detections(path)
