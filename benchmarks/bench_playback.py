"""Playback: seeks on a proxy and on a video with few keyframes, the next pair's frame and sound, sound against picture.

The sync figures take minutes a speed: PLAYBACK_SYNC_S says how many seconds are played (300 unless set, 0: none) and
PLAYBACK_SYNC_SPEEDS at which speeds.
"""

import os
import random
import tempfile
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from benchmarks.figures import Figure, Skip
from benchmarks.sound_rig import RATE, Agreement, Recorder, agreement, null_sink, why_no_server

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
REPOSITORY = Path(__file__).resolve().parent.parent
_REAL = REPOSITORY.parent / "shared" / "data" / "videos" / "autoeditor_example_banana_at_40s.mp4"  # 720p, 53 s
_N_SEEKS = 120
_N_PAIRS = 40
_SEGMENT_S = 2.0
_BEEP_S = 0.1


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        figures = _seeks(Path(folder)) if _REAL.exists() else []
        if why := why_no_server():
            raise Skip(why)
        with null_sink(Path(folder)) as is_up:
            if not is_up:
                raise Skip("PulseAudio does not start")
            import sounddevice

            sounddevice._terminate()
            sounddevice._initialize()  # PortAudio lists devices once: now the null sink is there
            figures += _next_pairs("the demo", sorted((REPOSITORY / "resources" / "demo").glob("*.mp4"))[:2])
            if _REAL.exists():
                figures += _next_pairs("720p", [_REAL])
            figures += _sync(Path(folder))
    return figures


# -- seeks -----------------------------------------------------------------------------------------------------------


def _seeks(folder: Path) -> list[Figure]:
    """From the wish to the frame in full size or in the proxy's, at random places of a real video of 720 lines."""
    from davenet.media.proxy import write_proxy

    sparse, proxy = folder / "sparse.mp4", folder / "proxy.mp4"
    _write_sparse(_REAL, sparse)
    write_proxy(sparse, proxy)
    alone, helped = _seek_times(sparse, None), _seek_times(sparse, proxy)
    return [
        Figure("seek on a proxy, median", _at(helped, 0.5), "ms"),
        Figure("seek on a proxy, p95", _at(helped, 0.95), "ms", bar=150),
        Figure("seek on the same 720p video alone, a keyframe each 250 frames, median", _at(alone, 0.5), "ms"),
        Figure("seek on the same 720p video alone, p95", _at(alone, 0.95), "ms"),
    ]


def _seek_times(video: Path, proxy: Path | None) -> list[float]:
    from annotator.playback.decoder import Decoder
    from annotator.playback.feed import Frame

    came = threading.Condition()
    answered: dict[int, float] = {}

    def deliver(frame: Frame) -> None:
        with came:
            answered.setdefault(frame.ticket, time.perf_counter())
            came.notify_all()

    decoder = Decoder(deliver=deliver, fail=lambda _, sentence: print(sentence))
    first = decoder.open(video)
    decoder.set_proxy(proxy)
    with came:
        came.wait_for(lambda: first in answered, timeout=30)
    time.sleep(0.5)
    places = random.Random(0)
    times = []
    for _ in range(_N_SEEKS):
        begun = time.perf_counter()
        ticket = decoder.seek(places.uniform(0, 52))
        with came:
            came.wait_for(lambda ticket=ticket: ticket in answered, timeout=30)
        times.append(answered[ticket] - begun)
        time.sleep(places.uniform(0, 0.3))  # the video's own frame may still be on its way, or not
    decoder.shutdown()
    return times


def _write_sparse(video: Path, out: Path) -> None:
    """Writes the picture of a video again, with a keyframe each 250 frames."""
    with av.open(str(video)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream("libx264", rate=24, options={"preset": "veryfast", "sc_threshold": "0"})
        assert isinstance(stream, VideoStream)
        picture = source.streams.video[0]
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        stream.gop_size = 250
        stream.codec_context.time_base = Fraction(1, 90_000)
        for frame in source.decode(picture):
            time_s = frame.time or 0.0
            frame.pts, frame.time_base, frame.pict_type = round(time_s * 90_000), Fraction(1, 90_000), 0
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


# -- the next pair ---------------------------------------------------------------------------------------------------


def _next_pairs(where: str, videos: list[Path]) -> list[Figure]:
    """A reviewer who listens for a second and goes on: from the key to the first frame, and to the first sound heard."""
    from annotator.playback.player import Player
    from davenet.media.proxy import write_proxy

    wait, close = _event_loop()
    places = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        proxies = {video: Path(folder) / f"{video.stem}.mp4" for video in videos}
        durations = {video: _duration(video) for video in videos}
        for video, proxy in proxies.items():
            write_proxy(video, proxy)
        pairs = []
        for _ in range(_N_PAIRS + 3):
            video = places.choice(videos)
            pairs.append((video, places.uniform(1.0, durations[video] - 1.5)))
        player = Player()
        recorder = Recorder()  # it has the null sink work in short blocks, as a real device does: its own last 2 s
        frames: list[tuple[float, float]] = []
        player.frame_shown.connect(lambda _, time_s: frames.append((time.perf_counter(), time_s)))
        times: dict[str, list[float]] = {"frame": [], "sound": []}
        for number in range(_N_PAIRS):
            video, at_s = pairs[number]
            start_s = at_s - _SEGMENT_S / 2
            frames.clear()
            begun = time.perf_counter()
            if player.path != video:
                player.open(video, durations[video])
                player.set_proxy(proxies[video])
            player.seek(start_s)
            player.play()
            wait(lambda s=start_s: any(s - 0.1 <= f[1] <= s + 0.3 for f in frames) and player.time_s > s, 10)
            heard = time.perf_counter() - (player.time_s - start_s)
            shown = next(moment for moment, time_s in frames if start_s - 0.1 <= time_s <= start_s + 0.3)
            if number > 1:  # the first two open the video and the sound device
                times["frame"].append(shown - begun)
                times["sound"].append(heard - begun)
            ahead = [(v, t, (t - _SEGMENT_S / 2, t + _SEGMENT_S / 2)) for v, t in pairs[number + 1 : number + 4]]
            player.prefetch(ahead)
            wait(lambda: False, places.uniform(1.0, 1.6))
            player.pause()
        recorder.stop()
        used, limit = player.cache_bytes(), player.cache_limit()
        player.shutdown()
        close()
    return [
        Figure(f"next pair's frame, p95, {where}, decoded ahead", _at(times["frame"], 0.95), "ms", bar=100),
        Figure(f"next pair's sound, p95, {where}, decoded ahead", _at(times["sound"], 0.95), "ms", bar=100),
        Figure(f"memory of the caches, {where}", used / 2**20, "MiB", bar=limit / 2**20),
    ]


def _duration(video: Path) -> float:
    from davenet.media.probe import probe

    return probe(video).duration_s


# -- sound against picture -------------------------------------------------------------------------------------------


def _sync(folder: Path) -> list[Figure]:
    seconds = float(os.environ.get("PLAYBACK_SYNC_S", "300"))
    speeds = [float(text) for text in os.environ.get("PLAYBACK_SYNC_SPEEDS", "0.5,1,1.5,2").split(",")]
    if not seconds:
        return []
    video = folder / "beeps.mp4"
    _write_beeps(video, seconds * max(speeds) + 5)
    figures = []
    for speed in speeds:
        heard = _played(video, seconds, speed)
        late_ms = heard.late_s * 1000
        name = f"sound after its frame at {speed:g}×, {seconds:.0f} s, {len(late_ms)} beeps"
        outside = float(np.mean((late_ms < -15) | (late_ms > 45)) * 100)
        figures += [
            Figure(f"{name}: earliest", float(late_ms.min()), "ms", bar=-15, better="higher"),
            Figure(f"{name}: median", float(np.median(late_ms)), "ms"),
            Figure(f"{name}: latest", float(late_ms.max()), "ms", bar=45),
            Figure(f"{name}: outside of -15 to 45 ms", outside, "%"),
            Figure(f"{name}: underruns", heard.n_underruns, "in all"),
        ]
    return figures


def _played(video: Path, seconds: float, speed: float) -> Agreement:
    from annotator.playback.player import Player

    wait, close = _event_loop()
    player = Player()
    shown: list[tuple[float, float]] = []
    player.frame_shown.connect(lambda _, time_s: shown.append((time.perf_counter(), time_s)))
    player.open(video, seconds * speed + 5)
    player.set_speed(speed)
    wait(lambda: player.state == "paused", 10)
    player.seek(0.5)
    wait(lambda: False, 1)
    recorder = Recorder()
    wait(lambda: False, 0.5)
    shown.clear()
    n_before = player.n_underruns
    player.play()
    wait(lambda: False, seconds)
    player.pause()
    n_underruns = player.n_underruns - n_before
    wait(lambda: False, 0.3)
    recorder.stop()
    player.shutdown()
    close()
    return agreement(recorder.onsets(), [entry for entry in shown if entry[1] > 0.5], speed, n_underruns)


def _write_beeps(path: Path, seconds: float) -> None:
    """Writes a video that beeps at each whole second; what it shows does not matter, its frames' times do."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "250"})
        assert isinstance(picture, VideoStream)
        picture.width, picture.height, picture.pix_fmt = 320, 180, "yuv420p"
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        grey = np.full((180, 320, 3), 90, np.uint8)
        at = np.arange(RATE) / RATE
        beep = (0.5 * np.sin(2 * np.pi * 1000 * at) * (at < _BEEP_S)).astype(np.float32)
        for second in range(int(seconds)):
            for number in range(25):
                grey[:20, :] = (second * 25 + number) % 250
                container.mux(picture.encode(VideoFrame.from_ndarray(grey, format="rgb24")))
            samples = AudioFrame.from_ndarray(beep[None], format="fltp", layout="mono")
            samples.sample_rate, samples.pts = RATE, second * RATE
            container.mux(sound.encode(samples))
        container.mux(picture.encode(None))
        container.mux(sound.encode(None))


def _event_loop() -> tuple[Callable[[Callable[[], bool], float], None], Callable[[], None]]:
    """Returns what waits, with Qt's events going on, until something is so or seconds have passed; and its end."""
    from PySide6.QtCore import QCoreApplication, QElapsedTimer, QEventLoop

    app = QCoreApplication.instance() or QCoreApplication([])

    def wait(is_so: Callable[[], bool], seconds: float) -> None:
        clock = QElapsedTimer()
        clock.start()
        while not is_so() and clock.elapsed() < seconds * 1000:
            app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
            time.sleep(0.001)

    return wait, lambda: app.processEvents()


def _at(times_s: list[float], share: float) -> float:
    return sorted(times_s)[int(share * (len(times_s) - 1))] * 1000
