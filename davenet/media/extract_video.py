"""Extraction of one video (Section 3): a pure function of a file and settings, which runs in any process of any machine.

Frames at a steady rate and the log-mel of the sound go into one clip file in one pass over the video, by way of
temporary files beside it, so that a video of ten hours takes no more memory than one of a minute.
"""

import json
import time
import traceback
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from av.video.frame import VideoFrame

from davenet import events
from davenet.clips import VERSION, clip_path, open_clip, write_clip_parts
from davenet.errors import UserError, one_line
from davenet.files import atomic_path, content_hash
from davenet.media.log_mel import HOP, SAMPLE_RATE, log_mel_blocks
from davenet.media.picture import Scaler, pixel_shape, to_pixels
from davenet.media.probe import MediaInfo, probe
from davenet.media.sound import SoundClock
from davenet.media.source import decode, open_source, packets
from davenet.media.sparse import SparseDecoder
from davenet.media.spool import OutputError, SoundSpool, Spool
from davenet.media.stills import NEAREST_S, Stills
from davenet.specs import ExtractSettings, VideoRef

Tick = Callable[[float], None]  # told how many seconds of the video are done; may raise to stop

_TICK_S = 0.5  # between two ticks


@dataclass(frozen=True, slots=True)
class ExtractReport:
    """What came of one video; `reason` is the sentence for one that could not be used."""

    uid: str
    path: Path
    state: Literal["extracted", "skipped", "unusable"]
    reason: str = ""
    duration_s: float = 0.0
    n_frames: int = 0
    n_steps: int = 0


def extract_video(
    ref: VideoRef,
    settings: ExtractSettings,
    out_dir: Path,
    *,
    force: bool = False,
    threads: int = 1,
    tick: Tick = lambda done_s: None,
) -> ExtractReport:
    """Writes the clip file of one video to a folder, unless a whole one of the same content and settings is there.

    The file's bytes depend on the video and the settings alone. `threads` decode the picture: more of them are done
    earlier, but cost more in all. Whatever is wrong with the video is in the report; raises OutputError where `out_dir`
    cannot be written to, and what `tick` raises.
    """
    if not force and is_extracted(ref, settings, out_dir):
        return ExtractReport(ref.uid, ref.path, "skipped")
    path = clip_path(out_dir, ref.uid)
    try:
        with Spool(path, "frames") as frames, Spool(path, "sound") as sound:
            try:
                info = probe(ref.path, audio_track=settings.audio_track)
                read = _Extraction(info, settings, frames, SoundSpool(sound), threads, tick).run()
            except (OutputError, events.Stop):
                raise
            except UserError as error:
                return ExtractReport(ref.uid, ref.path, "unusable", one_line(error))
            except Exception as error:  # whatever a damaged file makes a library raise must not stop the others
                traceback.print_exc()
                reason = f"{ref.path} cannot be read ({type(error).__name__}: {one_line(error)}); convert it to MP4."
                return ExtractReport(ref.uid, ref.path, "unusable", reason)
            _write(path, ref, settings, info, read)
    except UserError as error:
        raise OutputError(str(error)) from error
    return ExtractReport(
        ref.uid, ref.path, "extracted", "", info.duration_s, len(read.times_s), read.sound.n_samples // HOP
    )


def is_extracted(ref: VideoRef, settings: ExtractSettings, out_dir: Path) -> bool:
    """Returns whether a whole clip file of the same content and settings is there already."""
    path = clip_path(out_dir, ref.uid)
    if not path.exists():
        return False
    try:
        metadata = open_clip(path).metadata
        return metadata.get("settings") == _as_text(settings) and metadata.get("source_hash") == content_hash(ref.path)
    except (UserError, OSError):
        return False  # damaged, or its source is gone: extraction says which


def _as_text(settings: ExtractSettings) -> str:
    values = {**settings.model_dump(mode="json"), "version": VERSION}
    for later, usual in (("nearest_reference", False), ("audio_track", None)):  # files from before have neither
        if values[later] == usual:
            del values[later]
    return json.dumps(values, sort_keys=True)


@dataclass(slots=True)
class _Read:
    """What was read of a video, beside its spools."""

    times_s: "array[float]"
    jpeg_sizes: "array[int]"
    frames: Spool
    sound: SoundSpool
    mean: float


def _write(path: Path, ref: VideoRef, settings: ExtractSettings, info: MediaInfo, read: _Read) -> None:
    with atomic_path(path) as temporary:
        write_clip_parts(
            temporary,
            jpeg_sizes=np.frombuffer(read.jpeg_sizes, np.int64),
            frame_times_s=np.frombuffer(read.times_s, np.float64),
            n_steps=read.sound.n_samples // HOP,
            log_mel=log_mel_blocks(read.sound.samples, read.sound.n_samples, read.mean),
            frames_jpeg=read.frames.pieces(),
            metadata={
                "video": ref.uid,
                "source": ref.path.name,
                "source_hash": info.source_hash,
                "settings": _as_text(settings),
                "duration_s": repr(info.duration_s),
                "frame_rate": repr(settings.frame_rate),
                "width": str(info.width),
                "height": str(info.height),
            },
        )


class _Extraction:
    """One pass over one video: keeps the frame of each k / frame_rate, and all the sound at 16 kHz."""

    def __init__(
        self,
        info: MediaInfo,
        settings: ExtractSettings,
        frames: Spool,
        sound: SoundSpool,
        threads: int,
        tick: Tick,
    ) -> None:
        self._info, self._settings = info, settings
        self._frames, self._sound = frames, sound
        self._threads, self._tick = threads, tick
        self._next_tick = 0.0
        self._nearest_s = NEAREST_S if settings.nearest_reference else 0.0
        self._stills = Stills(settings.frame_rate, self._nearest_s)
        self._times_s = array("d")
        self._jpeg_sizes = array("q")
        self._scaler = Scaler()
        self._last_frame: VideoFrame | None = None
        self._last_jpeg = b""

    def run(self) -> _Read:
        path = self._info.path
        with open_source(path, audio_track=self._settings.audio_track) as source:
            assert source.picture is not None and source.sound is not None  # probe saw both
            decoder = SparseDecoder(source, self._stills.wanted, nearest_s=self._nearest_s, threads=self._threads)
            self._shape = pixel_shape(source.picture)
            clock = SoundClock(source, SAMPLE_RATE)
            picture_index = source.picture.index
            for packet in packets(source, source.picture, source.sound):
                if packet.stream.index == picture_index:
                    for time_s, frame in decoder.add(packet):
                        self._keep(self._stills.add(time_s, frame, decoder.is_reference(time_s)))
                else:
                    for frame in decode(packet):
                        self._sound.extend(clock.add(frame))
                if time.monotonic() >= self._next_tick:
                    self._next_tick = time.monotonic() + _TICK_S
                    self._tick(min(max(source.clock_s(packet) or 0.0, 0.0), self._info.duration_s))
            self._sound.extend(clock.flush())
            shown_s = self._stills.shown_s
            if shown_s is None:
                raise UserError(f"Nothing of the picture of {path} can be decoded; copy or download it again.")
            end_s = max(shown_s, decoder.passed_over_s) + 1 / max(self._info.frame_rate, 1.0)
            self._keep(self._stills.finish(end_s))
        if not self._sound.n_samples:
            raise UserError(f"Nothing of the sound of {path} can be decoded; convert it to MP4 with H.264 and AAC.")
        self._frames.flush()
        return _Read(self._times_s, self._jpeg_sizes, self._frames, self._sound, self._sound.finish())

    def _keep(self, stills: Iterator[tuple[float, VideoFrame]]) -> None:
        for time_s, frame in stills:
            if frame is not self._last_frame:
                pixels = to_pixels(frame, self._shape, self._settings.shorter_side, order="bgr24", scaler=self._scaler)
                quality = [cv2.IMWRITE_JPEG_QUALITY, self._settings.jpeg_quality]
                self._last_jpeg = cv2.imencode(".jpg", pixels, quality)[1].tobytes()
                self._last_frame = frame
            self._frames.append(self._last_jpeg)
            self._times_s.append(time_s)
            self._jpeg_sizes.append(len(self._last_jpeg))
