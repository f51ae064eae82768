"""Proxies: the source's frames at the source's times, made whole or not at all, skipped when they are there."""

from pathlib import Path

import av
import numpy as np
import pytest
from media_maker import frame_number, make_video

from davenet import events
from davenet.jobs import run_job
from davenet.media.frames import FrameReader
from davenet.media.proxy import GROUP, LINES, ProxyReader, is_proxy_of, write_proxy
from davenet.specs import ProxySpec, VideoRef

KINDS: dict[str, dict[str, object]] = {
    "constant.mp4": {"gop": 250, "size": (640, 480)},
    "variable.mkv": {"vfr": True},
    "transport.ts": {"start_s": 1.4},
    "late.mp4": {"start_s": 3.0, "sound_start_s": -0.4},
    "ntsc.mp4": {"frame_rate": 30000 / 1001},
}


def spec_of(folder: Path, *videos: Path, force: bool = False) -> ProxySpec:
    refs = [VideoRef(uid=video.stem, path=video, duration_s=2.0) for video in videos]
    return ProxySpec(videos=refs, out_dir=folder / "proxies", force=force)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_proxy_has_each_frame_of_its_source_at_the_same_time(tmp_path: Path, name: str) -> None:
    video = make_video(tmp_path / name, seconds=3.0, **KINDS[name])  # type: ignore[arg-type]
    write_proxy(video, tmp_path / "proxy.mp4")
    with FrameReader(video) as full, ProxyReader(tmp_path / "proxy.mp4") as small:
        a, b = full.frame_at(0.0), small.frame_at(0.0)
        n_frames = 0
        while a is not None and b is not None:
            assert b[0] == pytest.approx(a[0], abs=1e-5)
            assert frame_number(b[1]) == frame_number(a[1])
            n_frames += 1
            a, b = full.next(), small.next()
    assert a is None and b is None
    assert n_frames > 20


def test_a_proxy_is_small_and_its_keyframes_lie_close(tmp_path: Path) -> None:
    video = make_video(tmp_path / "a.mp4", seconds=3.0, size=(1280, 720), gop=250)
    write_proxy(video, tmp_path / "proxy.mp4")
    with av.open(str(tmp_path / "proxy.mp4")) as proxy:
        stream = proxy.streams.video[0]
        assert (stream.width, stream.height) == (640, LINES)
        keys = [frame.key_frame for frame in proxy.decode(video=0)]
    assert max(np.diff(np.flatnonzero([*keys, True]))) <= GROUP
    assert not proxy.streams.audio


def test_a_turned_video_has_an_upright_proxy_of_the_same_colours(tmp_path: Path) -> None:
    video = make_video(tmp_path / "a.mp4", seconds=1.0, rotation=90)
    write_proxy(video, tmp_path / "proxy.mp4")
    with FrameReader(video) as full, ProxyReader(tmp_path / "proxy.mp4") as small:
        a, b = full.frame_at(0.5)[1], small.frame_at(0.5)[1]
    assert a.shape == b.shape
    assert np.abs(a.mean((0, 1)) - b.mean((0, 1))).max() < 3


def test_what_is_done_is_skipped_and_a_changed_video_is_done_again(tmp_path: Path) -> None:
    video = make_video(tmp_path / "a.mp4", seconds=2.0)
    assert run_job(spec_of(tmp_path, video)).result["made"] == ["a"]
    assert run_job(spec_of(tmp_path, video)).result["skipped"] == ["a"]
    make_video(video, seconds=1.0)
    assert not is_proxy_of(tmp_path / "proxies" / "a.mp4", video)
    assert run_job(spec_of(tmp_path, video)).result["made"] == ["a"]


def test_a_video_that_cannot_be_read_stops_none_of_the_others(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"nothing of a video")
    result = run_job(spec_of(tmp_path, bad, make_video(tmp_path / "a.mp4", seconds=1.0))).result
    assert result["made"] == ["a"]
    assert [entry["uid"] for entry in result["unusable"]] == ["bad"]
    assert "bad.mp4" in result["unusable"][0]["reason"]
    assert sorted(path.name for path in (tmp_path / "proxies").iterdir()) == ["a.mp4"]


def test_a_job_that_is_stopped_leaves_whole_proxies_only(tmp_path: Path) -> None:
    videos = [make_video(tmp_path / f"{name}.mp4", seconds=12.0, frame_rate=5) for name in "ab"]
    said: list[events.Event] = []

    def stop() -> bool:
        return any(isinstance(event, events.Progress) and event.note == "b.mp4" for event in said)

    final = run_job(spec_of(tmp_path, *videos), said.append, stop)
    assert isinstance(final, events.Cancelled)
    assert final.result["made"] == ["a"]
    assert [path.name for path in (tmp_path / "proxies").iterdir()] == ["a.mp4"]
    assert is_proxy_of(tmp_path / "proxies" / "a.mp4", videos[0])
