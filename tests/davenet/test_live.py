"""Live matchmaps: the same as the matchmaps job's, from the playhead on, each stretch whole and computed once."""

import io
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
import torch

from davenet import events, live
from davenet.evaluation.live import Live, serve
from davenet.evaluation.matchmaps import video_matchmaps
from davenet.live import LiveMaps, Mode, Playhead, Rest, Show
from davenet.media.probe import probe
from davenet.model.checkpoint import load_checkpoint
from davenet.model.davenet import DAVEnet
from davenet.specs import LiveSpec

REPOSITORY = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model() -> DAVEnet:
    return load_checkpoint(REPOSITORY / "resources" / "checkpoint" / "kitchen-small.safetensors")[0]


@pytest.fixture(scope="module")
def video() -> Path:
    return sorted((REPOSITORY / "resources" / "demo").glob("*.mp4"))[0]


class Window:
    """Sends requests to a Live in a thread, and notes what it answers."""

    def __init__(self, model: DAVEnet, folder: Path) -> None:
        self.inbox: SimpleQueue[str] = SimpleQueue()
        self.events: list[events.Event] = []
        self.folder = folder
        self._stop = threading.Event()
        self.live = Live(model, folder, device=CPU, emit=self.events.append, stop=self._stop.is_set)
        self._thread = threading.Thread(target=self.live.run, args=(self.inbox,))
        self._thread.start()

    def send(self, request: live.Request) -> None:
        self.inbox.put(live.to_line(request))

    def parts(self, mode: Mode) -> list[int]:
        return [e.index for e in self.events if isinstance(e, events.Ready) and e.part == mode.key and e.index >= 0]

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < end, self.events[-3:]
            time.sleep(0.01)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def window(model: DAVEnet, tmp_path: Path) -> "Window":
    window = Window(model, tmp_path / "live")
    yield window  # type: ignore[misc]
    window.close()


def maps_of(window: Window, mode: Mode) -> LiveMaps:
    return LiveMaps(window.folder, "v", mode, (0.0, 0.0, 1.0, 1.0)).load()


def test_the_maps_of_the_seconds_around_are_those_of_the_matchmaps_job(
    window: Window, model: DAVEnet, video: Path
) -> None:
    mode = Mode("around", "mean", 2.0)
    window.send(Show("v", str(video), mode, 8.0))
    window.until(lambda: len(window.parts(mode)) >= 1)
    window.send(Rest())
    maps = maps_of(window, mode)
    times_s = maps.arrays()[0][:6]
    expected = video_matchmaps(model, probe(video), times_s, segment_s=2.0, device=CPU, stop=lambda: False).maps
    spread = float(expected.astype(np.float32).std())
    for time_s, one in zip(times_s, expected, strict=True):
        got = maps.at(float(time_s))
        assert got is not None
        assert np.abs(got - one.astype(np.float32)).mean() < 0.15 * spread  # heard in passing: ADR 0005


def test_what_the_window_shows_next_is_computed_first_and_what_is_behind_it_last(window: Window, video: Path) -> None:
    mode = Mode("moment")
    window.send(Show("v", str(video), mode, 30.0))
    n = int(np.ceil(probe(video).duration_s / live.STRETCH_S))
    window.until(lambda: len(window.parts(mode)) == n)
    assert window.parts(mode) == [*range(7, n), *range(7)]


def test_a_playhead_that_leaps_is_followed(window: Window, video: Path) -> None:
    mode = Mode("around", "mean", 2.0)
    window.send(Show("v", str(video), mode, 0.0))
    window.send(Playhead(30.0, playing=True))
    window.until(lambda: len(window.parts(mode)) >= 3)
    assert 7 in window.parts(mode)[:2]


def test_one_word_gives_its_map_anywhere_and_by_both_reductions(window: Window, model: DAVEnet, video: Path) -> None:
    mean, largest = (Mode("span", kind, 2.0, "v", 10.0, 11.5) for kind in ("mean", "max"))
    for mode in (mean, largest):
        window.send(Show("v", str(video), mode, 0.0))
        window.until(lambda mode=mode: 0 in window.parts(mode))  # type: ignore[misc]
    window.send(Rest())
    by_mean, by_max = maps_of(window, mean).at(2.0), maps_of(window, largest).at(2.0)
    assert by_mean is not None and by_max is not None
    assert (by_max >= by_mean - 1e-2).all() and (by_max > by_mean + 1e-2).any()


def test_another_mode_of_frames_that_were_seen_does_not_look_at_them_again(
    window: Window, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Mode("around"), Mode("moment")
    window.send(Show("v", str(video), first, 4.0))
    window.until(lambda: 1 in window.parts(first))
    window.send(Rest())
    window.until(window.inbox.empty)
    kept = set(window.live._kept)
    seen: list[int] = []
    keep = window.live._keep
    monkeypatch.setattr(window.live, "_keep", lambda key, image: (seen.append(key[1]), keep(key, image)))
    window.send(Show("v", str(video), second, 4.0))
    window.until(lambda: 1 in window.parts(second))
    assert kept and not [ms for ms in seen if 4000 <= ms < 8000]


def test_what_lies_in_the_cache_is_there_at_once_and_never_computed_again(
    window: Window, model: DAVEnet, video: Path
) -> None:
    mode = Mode("moment")
    window.send(Show("v", str(video), mode, 0.0))
    window.until(lambda: len(window.parts(mode)) == 12)
    stamps = {path: path.stat().st_mtime_ns for path in window.folder.rglob("*.safetensors")}
    assert maps_of(window, mode).intervals() == [(0.0, 48.0)]
    again = Window(model, window.folder)
    try:
        again.send(Show("v", str(video), mode, 20.0))
        again.until(lambda: any(isinstance(e, events.Ready) and e.index == -1 for e in again.events))
        time.sleep(0.3)
        assert again.parts(mode) == [] and again.live.n_computed == 0
    finally:
        again.close()
    assert {path: path.stat().st_mtime_ns for path in window.folder.rglob("*.safetensors")} == stamps


def test_a_damaged_stretch_is_as_if_it_were_not_there_and_is_computed_again(
    window: Window, model: DAVEnet, video: Path
) -> None:
    mode = Mode("moment")
    window.send(Show("v", str(video), mode, 0.0))
    window.until(lambda: 0 in window.parts(mode))
    window.send(Rest())
    path = live.stretch_path(window.folder, mode.key, "v", 0)
    path.write_bytes(path.read_bytes()[:100])
    assert maps_of(window, mode).at(1.0) is None
    again = Window(model, window.folder)
    try:
        again.send(Show("v", str(video), mode, 0.0))
        again.until(lambda: 0 in again.parts(mode))
    finally:
        again.close()
    assert maps_of(window, mode).at(1.0) is not None


def test_the_curves_agree_with_one_another_where_frame_and_sound_meet(window: Window, video: Path) -> None:
    mode = Mode("around")
    window.send(Show("v", str(video), mode, 0.0))
    window.until(lambda: len(window.parts(mode)) == 12)
    curves = live.read_curves(window.folder, "v")
    at = int(np.abs(curves.sound_times_s - 12.0).argmin())
    frame = int(np.searchsorted(curves.frame_times_s, 12.0, side="right")) - 1
    assert curves.of_frame(12.0)[at] == pytest.approx(curves.of_sound(12.0)[frame], rel=1e-4)
    offset, value = curves.best_offset(12.0, within_s=5.0)
    near = np.abs(curves.sound_times_s - 12.0) <= 5.0
    assert abs(offset) <= 5.0 and value == pytest.approx(float(curves.of_frame(12.0)[near].max()))


def test_a_video_without_sound_is_told_in_a_sentence_and_the_job_goes_on(
    window: Window, video: Path, tmp_path: Path
) -> None:
    silent = tmp_path / "silent.mp4"
    _without_sound(video, silent)
    window.send(Show("s", str(silent), Mode(), 0.0))
    window.until(lambda: any(isinstance(e, events.Skipped) for e in window.events))
    told = next(e for e in window.events if isinstance(e, events.Skipped))
    assert told.item == "s/around-2-mean" and "sound" in told.reason and "\n" not in told.reason
    window.send(Show("v", str(video), Mode(), 0.0))
    window.until(lambda: 0 in window.parts(Mode()))


def test_a_query_from_a_sound_file_and_one_that_is_not_there(window: Window, video: Path, tmp_path: Path) -> None:
    missing = Mode("query", path=str(tmp_path / "no.wav"), content="x")
    window.send(Show("v", str(video), missing, 0.0))
    window.until(lambda: any(isinstance(e, events.Skipped) for e in window.events))
    asked = Mode("query", path=str(video), content="y")
    window.send(Show("v", str(video), asked, 0.0))
    window.until(lambda: 0 in window.parts(asked))


@pytest.mark.parametrize(
    "line", ["", "{}", "garbage \x00", '{"do": "fly"}', '{"do": "show", "mode": 3}', "[1]", "null"]
)
def test_what_is_no_request_is_passed_over(line: str) -> None:
    assert live.from_line(line) is None


def test_requests_survive_their_line() -> None:
    for request in (Show("v", "ä b.mp4", Mode("span", "max", 3.0, "w", 1.0, 2.0), 4.5), Playhead(1.0, True), Rest()):
        assert live.from_line(live.to_line(request)) == request


def _without_sound(video: Path, out: Path) -> None:
    import av

    with av.open(str(video)) as source, av.open(str(out), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None and packet.pts * stream.time_base < 6:
                packet.stream = copy
                target.mux(packet)


def test_the_job_leaves_a_core_and_takes_no_more_than_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = REPOSITORY / "resources" / "checkpoint" / "kitchen-small.safetensors"
    monkeypatch.setattr("sys.stdin", io.StringIO())
    before = torch.get_num_threads()
    try:
        for given, taken in ((3, 2), (1, 1)):
            torch.set_num_threads(given)
            serve(LiveSpec(checkpoint=checkpoint, cache_dir=tmp_path, device="cpu"), lambda _event: None, lambda: True)
            assert torch.get_num_threads() == taken
    finally:
        torch.set_num_threads(before)
