"""A sound device of our own, PulseAudio's null sink, and what is heard from it beside the frames that are shown.

The player plays a video that beeps each second; the sink's monitor is recorded with the moment at which each sample was
heard. Used by bench_playback and by the tests of playback.
"""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
_READ = 240  # samples; 5 ms
_LOUD = 0.08
_QUIET_S = 0.15  # before a beep
_VARIABLES = ("HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "XDG_CONFIG_HOME")


def why_no_server() -> str:
    """Returns why there can be no null sink here, '' where there can."""
    missing = [name for name in ("pulseaudio", "pactl", "parec") if not shutil.which(name)]
    return f"{', '.join(missing)} not installed, so there is no null sound device to play on" if missing else ""


@contextmanager
def null_sink(folder: Path) -> Iterator[bool]:
    """Runs a PulseAudio server whose only sink is a null sink, for this process; gives whether it came up."""
    home = folder / "pulse"
    home.mkdir(mode=0o700)
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(dict.fromkeys(_VARIABLES, str(home)))
    arguments = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-module-loading"]
    modules = [f"--load=module-null-sink sink_name=null rate={RATE}", "--load=module-native-protocol-unix"]
    server = subprocess.Popen(
        ["pulseaudio", *arguments, *modules], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield any(_answers() for _ in range(100))
    finally:
        server.terminate()
        server.wait()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _answers() -> bool:
    if subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode == 0:
        return True
    time.sleep(0.05)
    return False


class Recorder:
    """Records the null sink's monitor until `stop`; `onsets` are the moments (perf_counter) at which beeps began."""

    def __init__(self) -> None:
        command = ["parec", "--device=null.monitor", "--format=float32le", f"--rate={RATE}", "--channels=1"]
        self._process = subprocess.Popen(
            [*command, "--latency-msec=5", "--process-time-msec=5"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._arrivals: list[tuple[int, float]] = []
        self._onsets: list[int] = []
        self._n = 0
        self._quiet_since = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def onsets(self) -> NDArray[np.float64]:
        if not self._arrivals:
            return np.zeros(0)
        arrivals = np.asarray(self._arrivals)
        return np.asarray([self._heard_at(arrivals, onset) for onset in self._onsets])

    def _read(self) -> None:
        assert self._process.stdout is not None
        while data := self._process.stdout.read(_READ * 4):
            now = time.perf_counter()
            samples = np.frombuffer(data[: len(data) // 4 * 4], np.float32)
            for at in np.flatnonzero(np.abs(samples) > _LOUD):
                if self._n + at - self._quiet_since > _QUIET_S * RATE:
                    self._onsets.append(self._n + int(at))
                self._quiet_since = self._n + int(at)
            self._n += len(samples)
            self._arrivals.append((self._n, now))

    @staticmethod
    def _heard_at(arrivals: NDArray[np.float64], onset: int) -> float:
        """Tells by the arrivals of the two seconds around it, of which the earliest for their place waited least."""
        near = arrivals[np.abs(arrivals[:, 0] - onset) < RATE]
        return float((near[:, 1] - near[:, 0] / RATE).min() + onset / RATE)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much later than its frame each beep was heard, seconds; and how often the sound ran dry."""

    late_s: NDArray[np.float64]
    n_underruns: int


def agreement(
    onsets: NDArray[np.float64], shown: list[tuple[float, float]], speed: float, n_underruns: int
) -> Agreement:
    """Compares beeps, one at each of the video's whole seconds, with (moment, second) of the frames shown.

    The beep of a second belongs to the first frame shown that is not before it: when it should have been shown follows
    from its own second, so that a low frame rate counts as no delay.
    """
    late = []
    moments = np.asarray([moment for moment, _ in shown])
    seconds = np.asarray([second for _, second in shown])
    for second in range(int(np.ceil(seconds[0])), int(seconds[-1]) + 1):
        at = int(np.searchsorted(seconds, second - 1e-6))
        if at >= len(seconds) or seconds[at] - second > 0.2:
            continue
        frame_at = moments[at] - (seconds[at] - second) / speed
        nearest = onsets[np.argmin(np.abs(onsets - frame_at))] if len(onsets) else np.inf
        if abs(nearest - frame_at) < 0.4 / speed:
            late.append(nearest - frame_at)
    return Agreement(np.asarray(late), n_underruns)
