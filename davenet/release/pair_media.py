"""A pair's frame and sound for a release: the JPEG as the clip file has it, the segment as FLAC, cut to the sample."""

import io
import json
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame

from davenet.clips import Clip, clip_path, open_clip
from davenet.errors import UserError
from davenet.files import content_hash
from davenet.media.sound import Samples, read_sound
from davenet.specs import ReleaseMedia, VideoRef

RATE = 16_000  # Hz, mono, 16 bit
_FRAME_TOLERANCE_S = 0.5
_FULL_SCALE = 32767


class PairMedia:
    """Gives the media of pairs that come video by video: the last video's clip file stays open."""

    def __init__(self, media: ReleaseMedia) -> None:
        self._media = media
        self._video_id: str | None = None
        self._opened: tuple[VideoRef, Clip, int | None] | UserError | None = None

    def of(self, row: dict[str, Any]) -> tuple[bytes, bytes, dict[str, Any]]:
        """Returns (JPEG, FLAC, what they are) of a row of the pairs; raises UserError where they cannot be had.

        The FLAC holds exactly segment_s seconds: silence stands where the segment reaches beyond the video's sound.
        """
        ref, clip, track = self._open(row["video_id"])
        index = clip.nearest_frame(row["time_s"])
        frame_s = float(clip.frame_times_s[index])
        if abs(frame_s - row["time_s"]) > _FRAME_TOLERANCE_S:
            raise UserError(f"{clip.path} has no frame at {row['time_s']:g} s; extract its video again.")
        first, n_samples = round(row["sound_start_s"] * RATE), round(row["segment_s"] * RATE)
        samples, n_before = self._sound(ref, track, first, n_samples)
        facts = {
            "frame_time_s": frame_s,
            "sound_rate": RATE,
            "sound_samples": n_samples,
            "silence_before_samples": n_before,
            "silence_after_samples": n_samples - n_before - len(samples),
        }
        whole = np.zeros(n_samples, np.float32)
        whole[n_before : n_before + len(samples)] = samples
        return clip.frame_jpeg(index).tobytes(), flac_of(whole), facts

    def _sound(self, ref: VideoRef, track: int | None, first: int, n_samples: int) -> tuple[Samples, int]:
        """Returns the samples that the video has, and how many are missing before its clock's zero."""
        n_before = min(n_samples, max(0, -first))
        begin, end = max(0, first), max(0, first + n_samples)
        if end <= begin:
            return np.zeros(0, np.float32), n_before
        return read_sound(ref.path, rate=RATE, start_s=begin / RATE, end_s=end / RATE, audio_track=track), n_before

    def _open(self, video_id: str) -> tuple[VideoRef, Clip, int | None]:
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

    def _opened_now(self, video_id: str) -> tuple[VideoRef, Clip, int | None]:
        ref = self._media.videos[video_id]
        clip = open_clip(clip_path(self._media.clips_dir, ref.uid))
        try:
            source_hash = content_hash(ref.path)
        except OSError as error:
            raise UserError(f"{ref.path} cannot be read ({error.strerror or error}); check where it lies.") from error
        if clip.metadata.get("source_hash", source_hash) != source_hash:
            raise UserError(f"{ref.path} has changed since it was extracted; extract it again.")
        track = json.loads(clip.metadata.get("settings") or "{}").get("audio_track")
        return ref, clip, track


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
