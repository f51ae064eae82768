"""Clip files for the benchmarks: the demo's videos, extracted as a project extracts them (455 x 256, JPEG quality 90)."""

from pathlib import Path

from davenet.clips import clip_path, open_clip
from davenet.media.extract import extract_videos
from davenet.pairs import Pair, uniform_pairs
from davenet.specs import ExtractSpec, VideoRef

_DEMO = Path(__file__).resolve().parent.parent / "resources/demo"


def demo_pairs(folder: Path, *, n_videos: int, frame_rate: float) -> list[Pair]:
    """Writes the clips of some of the demo's videos to a folder and returns a pair for each of their frames."""
    videos = [VideoRef(uid=path.stem, path=path) for path in sorted(_DEMO.glob("*.mp4"))[:n_videos]]
    spec = ExtractSpec(videos=videos, clips_dir=folder, frame_rate=frame_rate)
    extract_videos(spec, lambda event: None, lambda: False)
    times_s = {video.uid: open_clip(clip_path(folder, video.uid)).frame_times_s for video in videos}
    return [pair for uid, times in times_s.items() for pair in uniform_pairs(uid, [float(t) for t in times])]
