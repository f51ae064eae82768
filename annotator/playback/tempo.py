"""Sound at another speed and the same pitch, through FFmpeg's atempo, piece by piece as it plays."""

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the window opens before it is needed
    from av.filter import Graph

Samples = NDArray[np.float32]

SLOWEST, FASTEST = 0.5, 2.0
_GRAIN_S = 1 / 24  # atempo joins pieces of this length, rounded up to a power of two samples
# How much too early an onset comes out at every speed, in grains; measured on beeps.
_EARLY = 0.5


class Tempo:
    """Takes stereo samples, float32 (n, 2), and gives them at `speed`; the n-th that comes out is of input n × speed.

    A grain is heard from before its middle on, and its onset so too early: `lead` samples are to be fed before the first
    one that is to be heard, so that a sound's onset agrees with its picture.
    """

    def __init__(self, rate: int, speed: float) -> None:
        self.speed = speed
        self._rate = rate
        self._graph = None if speed == 1.0 else _graph(rate, speed)
        self._n_fed = 0
        grain = 2 ** np.ceil(np.log2(rate * _GRAIN_S))
        self.lead = 0 if speed == 1.0 else round(_EARLY * grain)

    def add(self, samples: Samples) -> Samples:
        """Returns what is ready after these samples: some of them may come with the next ones."""
        if self._graph is None:
            return samples
        from av.audio.frame import AudioFrame

        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, np.float32).reshape(1, -1), format="flt", layout="stereo"
        )
        frame.sample_rate, frame.time_base, frame.pts = self._rate, Fraction(1, self._rate), self._n_fed
        self._n_fed += len(samples)
        self._graph.push(frame)
        return self._ready()

    def end(self) -> Samples:
        """Returns the rest, after which nothing can be added."""
        if self._graph is None:
            return np.zeros((0, 2), np.float32)
        self._graph.push(None)
        return self._ready()

    def _ready(self) -> Samples:
        import av.error
        from av.audio.frame import AudioFrame

        assert self._graph is not None
        parts: list[Samples] = []
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            assert isinstance(frame, AudioFrame)
            parts.append(frame.to_ndarray().reshape(-1, 2).astype(np.float32, copy=False))
        return np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)


def _graph(rate: int, speed: float) -> "Graph":
    from av.filter import Graph

    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="stereo", time_base=Fraction(1, rate))
    atempo = graph.add("atempo", f"{speed:.6f}")
    sink = graph.add("abuffersink")
    source.link_to(atempo)
    atempo.link_to(sink)
    graph.configure()
    return graph
