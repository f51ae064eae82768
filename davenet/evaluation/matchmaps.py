"""The matchmaps of a whole video (Section 5): where in the picture the model finds the sound of each moment.

Each map is the mean over time of one matchmap: the frame of a moment with the T seconds of sound centred on it, each
segment in dB relative to its own maximum, as in training. The matchmap is linear in the sound, so its mean over time is the
product with the mean sound (davenet.evaluation.heard). A picture that several moments share is looked at once.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.heard import heard_alone, heard_in_passing, span_of
from davenet.files import content_hash
from davenet.jobs import ShouldStop, started
from davenet.matchmap_file import Matchmaps, display_range, write_matchmaps
from davenet.media.frames import frames_at
from davenet.media.log_mel import absolute_log_mel
from davenet.media.probe import MediaInfo, probe
from davenet.media.sound import read_sound
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.model.config import ModelConfig
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.dense import DenseAudio
from davenet.specs import MatchmapsSpec
from davenet.training.dataset import evaluation_crop

BATCH = {"vgg16": 8, "resnet50": 8, "mobilenet_v2": 16, "small": 32}  # moments, by image branch
# Which moments are heard alone (docs/adr/0005): those far apart, and segments that are a small share of the work beside
# their pictures, by image branch. The others are heard in passing over the video.
_FAR_APART_S = 0.12
_LONGEST_ALONE_S = {"vgg16": 5.0, "resnet50": 2.0, "mobilenet_v2": 0.0, "small": 0.0}

Picture = NDArray[np.uint8]  # (S, S, 3), RGB: the model's crop


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
    frames = frames_at(info.path, [float(t) for t in times_s], shorter_side=None)
    maps: list[NDArray[np.float16]] = []
    similarity: list[NDArray[np.float32]] = []
    n_shown = 0
    for maps_BHW in moment_maps(
        model, _crops(frames, model.config), whole_log_mel(info.path), times_s, segment_s=segment_s, device=device
    ):
        if stop():
            raise events.Stop
        maps.append(maps_BHW.astype(np.float16))
        similarity.append(maps_BHW.mean(axis=(1, 2)))
        n_shown += len(maps_BHW)
        progress(float(times_s[n_shown - 1]))
    if not maps:
        raise UserError(f"{info.path} shows no picture; choose another video.")
    return Moments(times_s[:n_shown], np.concatenate(maps), np.concatenate(similarity).astype(np.float32))


def moment_maps(
    model: DAVEnet,
    pictures: Iterable[Picture],
    log_mel_TM: NDArray[np.float32],
    times_s: NDArray[np.float64],
    *,
    segment_s: float,
    device: torch.device,
    alone: bool | None = None,
) -> Iterator[NDArray[np.float32]]:
    """Yields maps (n, H, W) of some moments at a time: each moment's picture with the sound around it.

    A picture that is the same object as the one before it is looked at once. `alone` says whether each segment is heard by
    itself or in passing over the video; None chooses what suits the model.
    """
    spans = [span_of(len(log_mel_TM), float(time_s), segment_s) for time_s in times_s]
    if hears_alone(model.config, times_s, segment_s) if alone is None else alone:
        chunks = heard_alone(model, log_mel_TM, spans, device)
    else:
        chunks = heard_in_passing(DenseAudio(model), log_mel_TM, spans)
    sounds_D = (sound_D for chunk_ND in chunks for sound_D in chunk_ND)
    for shown in _batched(pictures, BATCH[model.config.image_branch]):
        distinct, place = _distinct(shown)
        with torch.no_grad():
            image_BHW3 = torch.from_numpy(np.stack(distinct)).to(device)
            image_BDHW = model.image_map(normalised(image_BHW3))
            sound_BD = torch.stack(list(itertools.islice(sounds_D, len(shown))))
            if len(distinct) < len(shown):
                image_BDHW = image_BDHW[place]
            maps_BHW = torch.bmm(sound_BD.unsqueeze(1), image_BDHW.flatten(2)).view(-1, *image_BDHW.shape[2:])
        yield np.asarray(maps_BHW.float().cpu().numpy(), np.float32)


def hears_alone(config: ModelConfig, times_s: NDArray[np.float64], segment_s: float) -> bool:
    """Returns whether each moment's segment is heard by itself, exactly as in training, or in passing over the video."""
    far_apart = len(times_s) < 2 or float(np.diff(times_s).mean()) >= _FAR_APART_S
    return far_apart or segment_s <= _LONGEST_ALONE_S[config.image_branch]


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


def _crops(frames: Iterable[tuple[float, Picture]], config: ModelConfig) -> Iterator[Picture]:
    """Yields the model's crop of each frame, the same object again for a frame that stays."""
    cropped: tuple[Picture, Picture] | None = None
    for _, frame_rgb in frames:
        if cropped is None or cropped[0] is not frame_rgb:
            cropped = frame_rgb, evaluation_crop(frame_rgb, config)
        yield cropped[1]


def _distinct(pictures: Sequence[Picture]) -> tuple[list[Picture], list[int]]:
    """Returns the pictures without repetitions in a row, and each one's place among them."""
    distinct: list[Picture] = []
    place = []
    for picture in pictures:
        if not distinct or distinct[-1] is not picture:
            distinct.append(picture)
        place.append(len(distinct) - 1)
    return distinct, place


def _batched(pictures: Iterable[Picture], size: int) -> Iterator[list[Picture]]:
    waiting = iter(pictures)
    while batch := list(itertools.islice(waiting, size)):
        yield batch
