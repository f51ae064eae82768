"""Extraction (Section 3): frames at a steady rate and the log-mel of each video into one clip file, in one pass."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame

from davenet import events
from davenet.clips import VERSION, clip_path, open_clip, write_clip
from davenet.errors import UserError, one_line
from davenet.files import content_hash, remove_dead_parts
from davenet.jobs import started
from davenet.media.log_mel import SAMPLE_RATE, absolute_log_mel
from davenet.media.picture import pixel_shape, to_pixels
from davenet.media.probe import MediaInfo, probe
from davenet.media.sound import Samples, SoundClock
from davenet.media.source import PTS_TOLERANCE_S, decode, open_source, packets
from davenet.media.sparse import SparseDecoder
from davenet.specs import ExtractSpec, VideoRef

_PROGRESS_S = 0.5  # between two progress events
_UNIT = "s of video"


def extract_videos(spec: ExtractSpec, emit: events.Emit, stop: Callable[[], bool]) -> dict[str, Any]:
    """Writes a clip file for each video that has none yet: {"extracted": [uid], "skipped": [uid], "unusable": [...]}.

    One bad video never stops the rest. Raises UserError when the disk is full (what is finished stays) and events.Stop
    when asked to stop.
    """
    emit(started("extract", None, _UNIT))
    settings = _settings(spec)
    result: dict[str, list[Any]] = {"extracted": [], "skipped": [], "unusable": []}

    def refuse(video: VideoRef, reason: str) -> None:
        result["unusable"].append({"uid": video.uid, "path": str(video.path), "reason": reason})
        emit(events.Skipped(video.uid, reason))

    def check_stop() -> None:
        if stop():
            raise events.Stop(result)

    remove_dead_parts(spec.clips_dir)
    todo: list[tuple[VideoRef, MediaInfo]] = []
    for number, video in enumerate(spec.videos):
        check_stop()
        try:
            if not spec.force and is_extracted(spec, video):
                result["skipped"].append(video.uid)
                continue
            emit(events.Progress(0, None, _UNIT, f"looking at {video.path.name} ({number + 1} of {len(spec.videos)})"))
            todo.append((video, probe(video.path)))
        except UserError as error:
            refuse(video, one_line(error))

    total_s = sum(info.duration_s for _, info in todo)
    done_s = 0.0
    for video, info in todo:
        ticker = _Ticker(emit, check_stop, done_s, total_s, info)
        ticker(0.0, always=True)
        try:
            extracted = _Extraction(spec, info, ticker).run()
        except UserError as error:
            refuse(video, one_line(error))
        else:
            write_clip(
                clip_path(spec.clips_dir, video.uid),
                frames_jpeg=extracted.frames_jpeg,
                frame_times_s=extracted.frame_times_s,
                log_mel=absolute_log_mel(extracted.sound),
                metadata={
                    "video": video.uid,
                    "source": video.path.name,
                    "source_hash": info.source_hash,
                    "settings": settings,
                    "duration_s": repr(info.duration_s),
                    "frame_rate": repr(spec.frame_rate),
                    "width": str(info.width),
                    "height": str(info.height),
                },
            )
            result["extracted"].append(video.uid)
        done_s += info.duration_s
    emit(events.Progress(total_s, total_s, _UNIT))
    return result


def is_extracted(spec: ExtractSpec, video: VideoRef) -> bool:
    """Returns whether a whole clip file of the same content and settings is there already."""
    path = clip_path(spec.clips_dir, video.uid)
    if not path.exists():
        return False
    try:
        metadata = open_clip(path).metadata
        return metadata.get("settings") == _settings(spec) and metadata.get("source_hash") == content_hash(video.path)
    except (UserError, OSError):
        return False  # damaged, or its source is gone: extraction says which


def _settings(spec: ExtractSpec) -> str:
    values = {
        "frame_rate": spec.frame_rate,
        "shorter_side": spec.shorter_side,
        "jpeg_quality": spec.jpeg_quality,
        "version": VERSION,
    }
    return json.dumps(values, sort_keys=True)


class _Ticker:
    """Reports the place in a video a few times a second, and asks whether to stop as often."""

    def __init__(
        self, emit: events.Emit, check_stop: Callable[[], None], done_s: float, total_s: float, info: MediaInfo
    ) -> None:
        self._emit, self._check_stop = emit, check_stop
        self._done_s, self._total_s, self._info = done_s, total_s, info
        self._next = 0.0

    def __call__(self, time_s: float, *, always: bool = False) -> None:
        now = time.monotonic()
        if now < self._next and not always:
            return
        self._next = now + _PROGRESS_S
        self._check_stop()
        done_s = self._done_s + min(max(time_s, 0.0), self._info.duration_s)
        self._emit(events.Progress(done_s, self._total_s, _UNIT, self._info.path.name))


@dataclass(slots=True)
class _Extracted:
    frames_jpeg: list[bytes]
    frame_times_s: list[float]
    sound: Samples


class _Extraction:
    """One pass over one video: keeps the frame shown at each k / frame_rate, and all the sound at 16 kHz."""

    def __init__(self, spec: ExtractSpec, info: MediaInfo, ticker: _Ticker) -> None:
        self._spec, self._info, self._ticker = spec, info, ticker
        self._jpegs: list[bytes] = []
        self._times_s: list[float] = []
        self._shown: VideoFrame | None = None
        self._shown_s = float("-inf")
        self._target = 0  # the next frame to keep is the one of second _target / frame_rate
        self._sound = _SoundBuffer(info.duration_s)

    def run(self) -> _Extracted:
        with open_source(self._info.path) as source:
            assert source.picture is not None and source.sound is not None  # probe saw both
            decoder = SparseDecoder(source, self._is_wanted)
            self._shape = pixel_shape(source.picture)
            clock = SoundClock(source, SAMPLE_RATE)
            for packet in packets(source, source.picture, source.sound):
                if packet.stream.index == source.picture.index:
                    self._add_pictures(decoder.add(packet))
                else:
                    for frame in decode(packet):
                        self._sound.extend(clock.add(frame))
                self._ticker(source.clock_s(packet) or 0.0)
            self._sound.extend(clock.flush())
        return self._finish()

    def _is_wanted(self, begin_s: float, end_s: float) -> bool:
        """Returns whether some k / frame_rate lies in [begin_s, end_s)."""
        return end_s == math.inf or math.ceil(begin_s * self._spec.frame_rate) < end_s * self._spec.frame_rate

    def _add_pictures(self, frames: list[tuple[float, VideoFrame]]) -> None:
        for time_s, frame in frames:
            if self._shown is None:  # no frame is shown before the first: begin with the second nearest to it
                self._target = max(0, round(time_s * self._spec.frame_rate - 1e-6))
            else:
                self._keep_until(time_s - PTS_TOLERANCE_S)
            self._shown, self._shown_s = frame, time_s

    def _keep_until(self, end_s: float) -> None:
        """Keeps the shown frame for each wanted second before `end_s`."""
        jpeg: bytes | None = None
        while (time_s := self._target / self._spec.frame_rate) < end_s:
            if jpeg is None:
                assert self._shown is not None
                pixels = to_pixels(self._shown, self._shape, self._spec.shorter_side, order="bgr24")
                quality = [cv2.IMWRITE_JPEG_QUALITY, self._spec.jpeg_quality]
                jpeg = cv2.imencode(".jpg", pixels, quality)[1].tobytes()
            self._jpegs.append(jpeg)
            self._times_s.append(time_s)
            self._target += 1

    def _finish(self) -> _Extracted:
        path = self._info.path
        if self._shown is None:
            raise UserError(f"Nothing of the picture of {path} can be decoded; copy or download it again.")
        self._keep_until(self._shown_s + 1 / max(self._info.frame_rate, 1.0) - PTS_TOLERANCE_S)
        if not self._jpegs:
            self._keep_until(self._target / self._spec.frame_rate + PTS_TOLERANCE_S)
        sound = self._sound.samples()
        if not len(sound):
            raise UserError(f"Nothing of the sound of {path} can be decoded; convert it to MP4 with H.264 and AAC.")
        return _Extracted(self._jpegs, self._times_s, sound)


class _SoundBuffer:
    """Samples in one growing array: a video of an hour takes 230 MB, and no copy of it is made."""

    def __init__(self, expected_s: float) -> None:
        self._samples: Samples = np.empty(int((expected_s + 1) * SAMPLE_RATE), np.float32)
        self._n = 0

    def extend(self, blocks: list[Samples]) -> None:
        for block in blocks:
            end = self._n + len(block)
            if end > len(self._samples):
                grown = np.empty(max(end, len(self._samples) * 3 // 2), np.float32)
                grown[: self._n] = self._samples[: self._n]
                self._samples = grown
            self._samples[self._n : end] = block
            self._n = end

    def samples(self) -> Samples:
        return self._samples[: self._n]
