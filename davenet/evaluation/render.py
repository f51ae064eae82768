"""The render job: a video with its matchmaps drawn over it and its own sound (the video of Section 5)."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Full, Queue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davenet import events
from davenet.beside import beside
from davenet.errors import UserError
from davenet.evaluation.live import Live
from davenet.evaluation.matchmaps import as_file, map_times, video_matchmaps
from davenet.files import content_hash
from davenet.jobs import ShouldStop, started
from davenet.live import LiveMaps, Show
from davenet.look import Look, Pixels, letterbox_crop
from davenet.media.encode import VideoWriter
from davenet.media.frames import frames_at
from davenet.media.probe import MediaInfo, probe
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.model.davenet import DAVEnet
from davenet.overlay import Crop
from davenet.specs import RenderSpec

_HIGHEST_RATE = 60.0
_AHEAD = 6  # pictures drawn and not yet encoded


def render_video(spec: RenderSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes the drawn part of the video to `spec.out`, whole or not at all, and returns its length and size."""
    device = chosen_device(spec.device)
    checkpoints = [spec.checkpoint, *([] if spec.second_checkpoint is None else [spec.second_checkpoint])]
    models = [(path, load_checkpoint(path, device=device)[0]) for path in checkpoints]
    info = probe(spec.video.path)
    end_s = info.duration_s if spec.end_s is None else min(spec.end_s, info.duration_s)
    if end_s <= spec.start_s:
        raise UserError(
            f"{spec.video.path} has nothing between {spec.start_s:g} and {end_s:g} s; choose a part inside the video."
        )
    length_s = end_s - spec.start_s
    total_s = (len(models) + 1) * length_s  # once to see each one's maps' range, once to draw
    emit(started("render", total_s, "s"))
    views = []
    for number, (path, model) in enumerate(models):

        def looked(time_s: float, before_s: float = number * length_s) -> None:
            emit(events.Progress(before_s + time_s - spec.start_s, total_s, "s", "looking and listening"))

        views.append(_maps(spec, path, model, info, end_s, looked, stop))
    n_pictures = len(views) + (spec.difference and len(views) == 2)
    look = Look(True, spec.colour_map, spec.alpha, spec.threshold, spec.contour, spec.heard_only)
    own_rate = min(info.frame_rate or 25.0, _HIGHEST_RATE)
    rate = own_rate if spec.frame_rate == "source" else spec.frame_rate
    times_s = [float(t) for t in spec.start_s + np.arange(max(1, round(length_s * rate))) / rate]
    with VideoWriter(
        spec.out,
        info.width * n_pictures,
        info.height,
        rate,
        sound=spec.video.path if info.has_sound else None,
        start_s=spec.start_s,
        end_s=end_s,
    ) as writer:
        frames = frames_at(spec.video.path, times_s, shorter_side=None)
        drawn = (
            beside(rgb, [(map_at(at), crop) for map_at, crop in views], look, differs=spec.difference, names=spec.names)
            for at, (_, rgb) in zip(times_s, frames, strict=False)
        )
        for index, picture in enumerate(_ahead(drawn)):
            if stop():
                raise events.Stop
            writer.write(picture)
            if index % 10 == 0:
                done_s = len(views) * length_s + times_s[index] - spec.start_s
                emit(events.Progress(done_s, total_s, "s", "drawing"))
    return {
        "out": str(spec.out),
        "video_uid": spec.video.uid,
        "duration_s": length_s,
        "frames": len(times_s),
        "width": info.width * n_pictures,
        "height": info.height,
        "frame_rate": rate,
    }


def _ahead(pictures: Iterator[Pixels]) -> Iterator[Pixels]:
    """Yields what the iterator does, which runs in a thread a few pictures ahead: drawing goes on while one is encoded."""
    waiting: Queue[Pixels | BaseException | None] = Queue(_AHEAD)
    is_left = threading.Event()

    def put(item: Pixels | BaseException | None) -> bool:
        while not is_left.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except Full:
                continue
            return True
        return False

    def draw() -> None:
        try:
            for picture in pictures:
                if not put(picture):
                    return
            put(None)
        except BaseException as error:  # raised again where the pictures are wanted
            put(error)

    thread = threading.Thread(target=draw, name="drawing")
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        is_left.set()
        thread.join()


def _maps(
    spec: RenderSpec,
    checkpoint: Path,
    model: DAVEnet,
    info: MediaInfo,
    end_s: float,
    looked: Callable[[float], None],
    stop: ShouldStop,
) -> tuple[Callable[[float], NDArray[np.float32] | None], Crop]:
    """Returns the map of each moment in 0..1 and what of the frame it covers: the window's live maps, or its own."""
    if spec.live_dir is None:
        found = video_matchmaps(
            model,
            info,
            map_times(end_s, spec.maps_a_second, start_s=spec.start_s),
            segment_s=spec.segment_s,
            device=next(model.parameters()).device,
            stop=stop,
            progress=looked,
        )
        matchmaps = as_file(found, info, model.config, spec.video.uid, checkpoint, spec.segment_s)
        return matchmaps.at, matchmaps.crop
    folder = spec.live_dir / content_hash(checkpoint)
    live = Live(model, folder, device=next(model.parameters()).device, emit=lambda event: None, stop=stop)
    show = Show(spec.video.uid, str(spec.video.path), spec.mode, spec.start_s)
    live.complete(show, spec.start_s, end_s, looked)
    size = (info.width, info.height)
    crop = model.config.crop_of(*size) if spec.mode.fit == "crop" else letterbox_crop(*size)
    return LiveMaps(folder, spec.video.uid, spec.mode, crop).load().shown, crop
