"""The render job: a video with its matchmaps drawn over it and its own sound (the video of Section 5)."""

from typing import Any

import numpy as np

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.matchmaps import as_file, map_times, video_matchmaps
from davenet.jobs import ShouldStop, started
from davenet.media.encode import VideoWriter
from davenet.media.frames import frames_at
from davenet.media.probe import probe
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.overlay import blend
from davenet.specs import RenderSpec

_HIGHEST_RATE = 60.0


def render_video(spec: RenderSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes the drawn part of the video to `spec.out`, whole or not at all, and returns its length and size."""
    device = chosen_device(spec.device)
    model, _ = load_checkpoint(spec.checkpoint, device=device)
    info = probe(spec.video.path)
    end_s = info.duration_s if spec.end_s is None else min(spec.end_s, info.duration_s)
    if end_s <= spec.start_s:
        raise UserError(
            f"{spec.video.path} has nothing between {spec.start_s:g} and {end_s:g} s; choose a part inside the video."
        )
    length_s = end_s - spec.start_s
    emit(started("render", 2 * length_s, "s"))  # once to see the maps' range, once to draw
    found = video_matchmaps(
        model,
        info,
        map_times(end_s, spec.maps_a_second, start_s=spec.start_s),
        segment_s=spec.segment_s,
        device=device,
        stop=stop,
        progress=lambda t: emit(events.Progress(t - spec.start_s, 2 * length_s, "s", "looking and listening")),
    )
    matchmaps = as_file(found, info, model.config, spec.video.uid, spec.checkpoint, spec.segment_s)
    rate = min(info.frame_rate or 25.0, _HIGHEST_RATE)
    times_s = [float(t) for t in spec.start_s + np.arange(max(1, round(length_s * rate))) / rate]
    with VideoWriter(
        spec.out,
        info.width,
        info.height,
        rate,
        sound=spec.video.path if info.has_sound else None,
        start_s=spec.start_s,
        end_s=end_s,
    ) as writer:
        for index, (_, frame_rgb) in enumerate(frames_at(spec.video.path, times_s, shorter_side=None)):
            if stop():
                raise events.Stop
            writer.write(
                blend(
                    frame_rgb,
                    matchmaps.at(times_s[index]),
                    crop=matchmaps.crop,
                    colour_map=spec.colour_map,
                    alpha=spec.alpha,
                    threshold=spec.threshold,
                )
            )
            if index % 10 == 0:
                emit(events.Progress(length_s + times_s[index] - spec.start_s, 2 * length_s, "s", "drawing"))
    return {
        "out": str(spec.out),
        "video_uid": spec.video.uid,
        "duration_s": length_s,
        "frames": len(times_s),
        "width": info.width,
        "height": info.height,
    }
