"""A pair's frame and sound for a release: the JPEG as the clip file has it, the segment as FLAC, cut to the sample."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame

from davenet.clips import Clip, clip_path, open_clip
from davenet.errors import UserError
from davenet.files import content_hash
from davenet.media.sound import Samples, stream_sound
from davenet.specs import ReleaseMedia

RATE = 16_000  # Hz, mono, 16 bit
_FRAME_TOLERANCE_S = 0.5
_FULL_SCALE = 32767
_BLOCK_S = 10.0
_KEPT_BEHIND = 30 * RATE  # samples: the next pair's segment may begin a little before the last one's


class PairMedia:
    """Gives the media of pairs that come video by video: the last video's files stay open."""

    def __init__(self, media: ReleaseMedia) -> None:
        self._media = media
        self._video_id: str | None = None
        self._opened: _Video | UserError | None = None

    def of(self, row: dict[str, Any]) -> tuple[bytes, bytes, dict[str, Any]]:
        """Returns (JPEG, FLAC, what they are) of a row of the pairs; raises UserError where they cannot be had.

        The FLAC holds exactly segment_s seconds: silence stands where the segment reaches beyond the video's sound.
        """
        video = self._open(row["video_id"])
        index = video.clip.nearest_frame(row["time_s"])
        frame_s = float(video.clip.frame_times_s[index])
        if abs(frame_s - row["time_s"]) > _FRAME_TOLERANCE_S:
            raise UserError(f"{video.clip.path} has no frame at {row['time_s']:g} s; extract its video again.")
        first, n_samples = round(row["sound_start_s"] * RATE), round(row["segment_s"] * RATE)
        n_before = min(n_samples, max(0, -first))
        samples = video.sound.read(first + n_before, n_samples - n_before)
        whole = np.zeros(n_samples, np.float32)
        whole[n_before : n_before + len(samples)] = samples
        facts = {
            "frame_time_s": frame_s,
            "sound_rate": RATE,
            "sound_samples": n_samples,
            "silence_before_samples": n_before,
            "silence_after_samples": n_samples - n_before - len(samples),
        }
        return video.clip.frame_jpeg(index).tobytes(), flac_of(whole), facts

    def _open(self, video_id: str) -> "_Video":
        if video_id != self._video_id:
            self._video_id = video_id
            try:
                self._opened = self._opened_now(video_id)
            except UserError as error:
                self._opened = error
        if isinstance(self._opened, UserError):
            raise self._opened
        assert self._opened is not None
        return self._opened

    def _opened_now(self, video_id: str) -> "_Video":
        ref = self._media.videos[video_id]
        clip = open_clip(clip_path(self._media.clips_dir, ref.uid))
        try:
            source_hash = content_hash(ref.path)
        except OSError as error:
            raise UserError(f"{ref.path} cannot be read ({error.strerror or error}); check where it lies.") from error
        if clip.metadata.get("source_hash", source_hash) != source_hash:
            raise UserError(f"{ref.path} has changed since it was extracted; extract it again.")
        track = json.loads(clip.metadata.get("settings") or "{}").get("audio_track")
        return _Video(clip, _Sound(ref.path, track))


class _Sound:
    """A video's sound, decoded from its beginning and kept as far as the next segments need it.

    Never by seeking: some codecs fill bands with noise of their own, and the samples would depend on where decoding began.
    """

    def __init__(self, path: Path, track: int | None) -> None:
        self._path = path
        self._track = track
        self._restart()

    def _restart(self) -> None:
        self._blocks: Iterator[Samples] = stream_sound(self._path, RATE, _BLOCK_S, audio_track=self._track)
        self._held = np.zeros(0, np.float32)
        self._first = 0  # the place of the first sample held
        self._failed: UserError | None = None

    def read(self, first: int, n_samples: int) -> Samples:
        """Returns the samples from `first` on; fewer than asked where the sound ends. Raises UserError where it is damaged."""
        if first < self._first:
            self._restart()
        while self._first + len(self._held) < first + n_samples:
            block = self._next_block()
            if block is None:
                break
            n_gone = min(len(self._held), max(0, first - _KEPT_BEHIND - self._first))
            self._held = np.concatenate([self._held[n_gone:], block])
            self._first += n_gone
        return self._held[first - self._first :][:n_samples]

    def _next_block(self) -> Samples | None:
        if self._failed is not None:  # what lies behind the damage is not silence
            raise self._failed
        try:
            return next(self._blocks, None)
        except UserError as error:
            self._failed = error
            raise


@dataclass(frozen=True, slots=True)
class _Video:
    clip: Clip
    sound: _Sound


def flac_of(samples: Samples) -> bytes:
    """Returns samples (n,) from −1 to 1 as a FLAC file, mono, 16 kHz, 16 bit; the same samples give the same bytes."""
    pcm = np.rint(np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2")
    file = io.BytesIO()
    with av.open(file, "w", format="flac", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono", options={"flags": "+bitexact"})
        stream.format = "s16"
        frame = AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()
