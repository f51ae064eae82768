"""The matchmaps of a whole video (Section 5): where in the picture the model finds the sound of each moment.

Each map is the mean over time of one matchmap: the frame of a moment with the T seconds of sound centred on it, each
segment in dB relative to its own maximum, just as in training. One audio pass over the whole video would be cheaper but
would show the model levels that it never saw; the sound is a small share of the cost (the pictures are the rest).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from davenet import events
from davenet.errors import UserError
from davenet.files import content_hash
from davenet.jobs import ShouldStop, started
from davenet.matchmap_file import Matchmaps, display_range, write_matchmaps
from davenet.media.frames import frames_at
from davenet.media.log_mel import absolute_log_mel, relative
from davenet.media.probe import MediaInfo, probe
from davenet.media.sound import read_sound
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.model.config import STEPS_A_SECOND, ModelConfig
from davenet.model.davenet import DAVEnet
from davenet.specs import MatchmapsSpec
from davenet.training.dataset import evaluation_crop, normalised, padded

_BATCH = {"vgg16": 8, "resnet50": 8, "mobilenet_v2": 16, "small": 32}  # frames, by image branch


@dataclass(frozen=True, slots=True)
class Moments:
    """Some moments of a video, their maps and similarities: the pooled similarity is the mean of the map."""

    times_s: NDArray[np.float64]
    maps: NDArray[np.float16]  # (n, H, W)
    similarity: NDArray[np.float32]


def compute_matchmaps(spec: MatchmapsSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes the video's matchmaps to `spec.out` and returns what they are; nothing is left when it was stopped."""
    device = chosen_device(spec.device)
    model, _ = load_checkpoint(spec.checkpoint, device=device)
    info = probe(spec.video.path)
    times_s = map_times(info.duration_s, spec.maps_a_second)
    emit(started("matchmaps", info.duration_s, "s"))
    found = video_matchmaps(
        model,
        info,
        times_s,
        segment_s=spec.segment_s,
        device=device,
        stop=stop,
        progress=lambda time_s: emit(events.Progress(time_s, info.duration_s, "s")),
    )
    matchmaps = as_file(found, info, model.config, spec.video.uid, spec.checkpoint, spec.segment_s)
    write_matchmaps(
        spec.out, matchmaps, metadata={"maps_a_second": spec.maps_a_second, "model": model.config.model_dump()}
    )
    return {
        "out": str(spec.out),
        "video_uid": spec.video.uid,
        "n_maps": len(found.times_s),
        "checkpoint_hash": matchmaps.checkpoint_hash,
        "mean_similarity": float(found.similarity.mean()),
    }


def video_matchmaps(
    model: DAVEnet,
    info: MediaInfo,
    times_s: NDArray[np.float64],
    *,
    segment_s: float,
    device: torch.device,
    stop: ShouldStop,
    progress: Any = lambda time_s: None,
) -> Moments:
    """Returns the matchmaps of a video's moments, ascending; raises events.Stop between batches when asked to stop."""
    log_mel = whole_log_mel(info.path)
    maps: list[NDArray[np.float16]] = []
    similarity: list[NDArray[np.float32]] = []
    shown_s: list[float] = []
    frames = frames_at(info.path, [float(t) for t in times_s], shorter_side=None)
    for batch in _batched(frames, _BATCH[model.config.image_branch]):
        if stop():
            raise events.Stop
        batch_s = [float(times_s[len(shown_s) + i]) for i in range(len(batch))]
        pictures = [normalised(evaluation_crop(rgb, model.config)) for _, rgb in batch]
        sounds = [segment_of(log_mel, time_s, segment_s) for time_s in batch_s]
        batch_maps = mean_maps(model, pictures, sounds, device)
        maps.append(batch_maps.astype(np.float16))
        similarity.append(batch_maps.mean(axis=(1, 2)))
        shown_s += batch_s
        progress(batch_s[-1])
    if not maps:
        raise UserError(f"{info.path} shows no picture; choose another video.")
    return Moments(np.array(shown_s), np.concatenate(maps), np.concatenate(similarity).astype(np.float32))


def mean_maps(
    model: DAVEnet,
    pictures: list[NDArray[np.float32]],
    sounds: list[tuple[NDArray[np.float32], int]],
    device: torch.device,
) -> NDArray[np.float32]:
    """Returns (n, H, W): each picture's matchmap with its sound, averaged over the steps that are not padding."""
    with torch.no_grad():
        log_mel_BMT, n_steps_B = padded(sounds)
        n_steps_B = n_steps_B.to(device)
        image_BDHW = model.image_map(torch.from_numpy(np.stack(pictures)).to(device))
        audio_BDT = model.audio_map(log_mel_BMT.to(device), n_steps_B)
        steps_B = model.audio_steps_B(n_steps_B)
        # the mean of a matchmap over time is the product with the mean sound (the map is linear in it)
        steps = torch.arange(audio_BDT.shape[2], device=device)
        weight_BT = (steps < steps_B[:, None]).to(audio_BDT.dtype)
        sound_BD = (audio_BDT * weight_BT[:, None]).sum(2) / weight_BT.sum(1).clamp(min=1)[:, None]
        maps_BHW = torch.einsum("bdhw,bd->bhw", image_BDHW, sound_BD)
    return np.asarray(maps_BHW.float().cpu().numpy(), np.float32)


def as_file(
    found: Moments, info: MediaInfo, config: ModelConfig, video_uid: str, checkpoint: Path, segment_s: float
) -> Matchmaps:
    """Returns the moments with all that is needed to draw them."""
    floor, scale = display_range(found.maps)
    return Matchmaps(
        maps=found.maps,
        times_s=found.times_s,
        similarity=found.similarity,
        video_uid=video_uid,
        checkpoint_hash=content_hash(checkpoint),
        crop=config.crop_of(info.width, info.height),
        floor=floor,
        scale=scale,
        segment_s=segment_s,
    )


def map_times(duration_s: float, maps_a_second: float, *, start_s: float = 0.0) -> NDArray[np.float64]:
    """Returns the moments of maps from `start_s` until `duration_s`, at least one."""
    n = max(1, int(np.ceil((duration_s - start_s) * maps_a_second - 1e-6)))
    return start_s + np.arange(n, dtype=np.float64) / maps_a_second


def whole_log_mel(path: Path) -> NDArray[np.float32]:
    """Returns float32 (steps, 40) in absolute dB of a video's whole sound."""
    return np.asarray(absolute_log_mel(read_sound(path)), np.float32)


def segment_of(log_mel: NDArray[np.float32], centre_s: float, segment_s: float) -> tuple[NDArray[np.float32], int]:
    """Returns (40, steps) relative dB and its number of steps: the part of the segment that lies inside the video."""
    first = max(0, round((centre_s - segment_s / 2) * STEPS_A_SECOND))
    last = min(len(log_mel), round((centre_s + segment_s / 2) * STEPS_A_SECOND))
    if last <= first:  # beyond the end of the sound: silence
        return np.full((40, 1), -80.0, np.float32), 1
    return np.ascontiguousarray(relative(log_mel[first:last]).T, np.float32), last - first


def _batched(
    frames: Iterator[tuple[float, NDArray[np.uint8]]], size: int
) -> Iterator[list[tuple[float, NDArray[np.uint8]]]]:
    while batch := list(itertools.islice(frames, size)):
        yield batch
