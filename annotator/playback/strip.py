"""The sound of one play in the order in which it is heard: made a second ahead of the device, at any speed, lap by lap.

`Blocks` decodes a video's sound piece by piece and keeps the pieces in the cache; a `Strip` joins them along a timeline.
The sound's thread makes the strip, PortAudio's thread takes from it.
"""

import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotator.playback.cache import MediaCache
from annotator.playback.clock import Timeline
from annotator.playback.tempo import Tempo
from davenet.errors import UserError

Samples = NDArray[np.float32]

CHANNELS = 2
BLOCK_S = 1  # whole seconds, so that blocks begin on a sample at every rate
_PIECE_S = 0.1  # made at once: a first piece is ready soon
_FADE_S = 0.005  # from one speed's sound to the next one's
_NOWHERE = -(1 << 40)  # a sample long before the video: silence
_SILENCE = np.zeros((0, CHANNELS), np.float32)


class Blocks:
    """A video's sound, stereo float32 at `rate`, in blocks of BLOCK_S; reads on where the last reading ended."""

    def __init__(self, path: Path, rate: int, cache: MediaCache) -> None:
        self.path, self.rate = path, rate
        self._cache = cache
        self._reading: Iterator[Samples] | None = None
        self._next_number = -1
        self._has_sound = True

    def samples(self, start: int, n: int) -> Samples:
        """Returns n samples from `start` on; silence before the video's first and after its last.

        Raises UserError where the file cannot be read.
        """
        out = np.zeros((n, CHANNELS), np.float32)
        n_block = BLOCK_S * self.rate
        at = max(0, start)
        while at < start + n and self._has_sound:
            number, offset = divmod(at, n_block)
            part = self.block(number)[offset : offset + start + n - at]
            out[at - start : at - start + len(part)] = part
            at = (number + 1) * n_block
        return out

    def block(self, number: int) -> Samples:
        """Returns a block; shorter where the sound ends in it, empty beyond."""
        kept = self._cache.sound(self.path, self.rate, number)
        if kept is not None:
            return kept
        block = self._decode(number)
        self._cache.put_sound(self.path, self.rate, number, block)
        return block

    def close(self) -> None:
        self._reading = None

    def _decode(self, number: int) -> Samples:
        from davenet.media.sound import stream_sound

        if self._reading is None or self._next_number != number:
            self._reading = stream_sound(
                self.path, self.rate, BLOCK_S, channels=CHANNELS, start_s=float(number * BLOCK_S)
            )
            self._next_number = number
        try:
            block = next(self._reading, _SILENCE)
        except UserError:
            self._has_sound = False
            raise
        self._next_number += 1
        return block


class Strip:
    """What is heard of one play. `make` and `change_speed` are the sound thread's, `take` is the device's."""

    def __init__(self, timeline: Timeline, rate: int) -> None:
        self.timeline = timeline
        self.rate = rate
        self.n_made = 0
        self.n_taken = 0
        self._lock = threading.Lock()
        self._pieces: deque[Samples] = deque()
        self._fade_out = _SILENCE
        self._tempo = Tempo(rate, timeline.speeds[-1][1])
        self._fed = -self._tempo.lead  # the next sample to be read, counted in the order of play

    def is_wanting(self, ahead_s: float) -> bool:
        return self.n_made - self.n_taken < ahead_s * self.rate

    def make(self, blocks: Blocks | None) -> None:
        """Adds the next piece; silence without blocks. Raises UserError where the sound cannot be read."""
        n = max(1, round(_PIECE_S * self.rate))
        made = self._tempo.add(self._read(blocks, n))
        self._fed += n
        if not len(made):
            return
        n_fade = min(len(self._fade_out), len(made))
        if n_fade:
            rising = np.linspace(0, 1, n_fade, dtype=np.float32)[:, None]
            made = made.copy()
            made[:n_fade] = made[:n_fade] * rising + self._fade_out[:n_fade] * (1 - rising)
            self._fade_out = _SILENCE
        with self._lock:
            self._pieces.append(made)
            self.n_made += len(made)

    def change_speed(self, speed: float, after_s: float) -> Timeline:
        """Lets the speed change `after_s` after what the device has taken; returns the timeline from now on."""
        with self._lock:
            at = min(self.n_made, self.n_taken + round(after_s * self.rate))
            self._fade_out = self._cut(at)
            self.n_made = at
        self.timeline = self.timeline.with_speed(speed, at / self.rate)
        self._tempo = Tempo(self.rate, speed)
        self._fed = round(self.timeline.passed(at / self.rate) * self.rate) - self._tempo.lead
        return self.timeline

    def take(self, out: Samples) -> int:
        """Fills `out` from its begin with what has been made, and returns how many samples that was."""
        done = 0
        with self._lock:
            while done < len(out) and self._pieces:
                piece = self._pieces[0]
                n = min(len(piece), len(out) - done)
                out[done : done + n] = piece[:n]
                done += n
                if n == len(piece):
                    self._pieces.popleft()
                else:
                    self._pieces[0] = piece[n:]
            self.n_taken += done
        return done

    def _cut(self, at: int) -> Samples:
        """Leaves out what was made beyond sample `at`, of which it returns a fade's length."""
        n_over = self.n_made - at
        cut: list[Samples] = []
        while n_over > 0:
            piece = self._pieces.pop()
            n = min(n_over, len(piece))
            cut.append(piece[len(piece) - n :])
            if n < len(piece):
                self._pieces.append(piece[: len(piece) - n])
            n_over -= n
        return np.concatenate(cut[::-1])[: round(_FADE_S * self.rate)] if cut else _SILENCE

    def _read(self, blocks: Blocks | None, n: int) -> Samples:
        """Returns the n samples from `_fed` on in the order of play: a lap begins where the one before ends."""
        out = np.zeros((n, CHANNELS), np.float32)
        if blocks is None:
            return out
        done = max(0, -self._fed)
        while done < n:
            start, n_left = self._video_sample(self._fed + done)
            n_part = min(n - done, n_left)
            out[done : done + n_part] = blocks.samples(start, n_part)
            done += n_part
        return out

    def _video_sample(self, index: int) -> tuple[int, int]:
        """Returns which of the video's samples is the `index`-th in the order of play, and how many follow on it."""
        timeline, rate = self.timeline, self.rate
        if timeline.loop is None:
            end = round(timeline.end_s * rate)
            start = round(timeline.start_s * rate) + index
            return (start, end - start) if start < end else (_NOWHERE, -_NOWHERE // 2)
        lap = 0
        start_s, end_s = timeline.loop
        first = timeline.lap_begins(1) * rate
        if index >= round(first):
            lap = 1 + int((index - first) / ((end_s - start_s) * rate))
            while round(timeline.lap_begins(lap + 1) * rate) <= index:
                lap += 1
            while lap > 1 and round(timeline.lap_begins(lap) * rate) > index:
                lap -= 1
        begins, ends = round(timeline.lap_begins(lap) * rate), round(timeline.lap_begins(lap + 1) * rate)
        from_s = timeline.start_s if lap == 0 else start_s
        return round(from_s * rate) + index - begins, ends - index
