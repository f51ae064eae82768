"""The core: media, labels, models, training and evaluation for learning words from video, without Qt or a database.

`import davenet` is cheap: the names below are looked up when they are first used, so torch is imported only by what needs it
(``davenet.model``, ``davenet.training``, ``davenet.evaluation`` but for its ``recall``), never by what the app shares.
docs/guide/core.md shows the package at work.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

# torch's threads otherwise spin while they wait for each other: beside other busy programs a training step on two cores
# took 7.8 s instead of 2.2 s. It must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

if TYPE_CHECKING:  # what follows is looked up on use; editors and type checkers see it here
    from davenet.clips import Clip as Clip
    from davenet.clips import clip_path as clip_path
    from davenet.clips import open_clip as open_clip
    from davenet.errors import UserError as UserError
    from davenet.evaluation.matchmaps import video_matchmaps as video_matchmaps
    from davenet.evaluation.recall import chance_at_k as chance_at_k
    from davenet.evaluation.recall import ranks as ranks
    from davenet.evaluation.recall import recall_at_k as recall_at_k
    from davenet.evaluation.recall import recall_of_ranks as recall_of_ranks
    from davenet.jobs import run_job as run_job
    from davenet.media.probe import probe as probe
    from davenet.media.probe import video_uid as video_uid
    from davenet.model.checkpoint import load_checkpoint as load_checkpoint
    from davenet.model.checkpoint import save_checkpoint as save_checkpoint
    from davenet.model.config import MODEL_CONFIGS as MODEL_CONFIGS
    from davenet.model.config import ModelConfig as ModelConfig
    from davenet.model.davenet import DAVEnet as DAVEnet
    from davenet.model.davenet import normalised as normalised
    from davenet.model.similarity import matchmap as matchmap
    from davenet.model.similarity import pool_audio as pool_audio
    from davenet.model.similarity import pool_image as pool_image
    from davenet.model.similarity import similarity_matrix as similarity_matrix
    from davenet.pairs import Pair as Pair
    from davenet.pairs import WeakLabel as WeakLabel
    from davenet.pairs import read_pairs as read_pairs
    from davenet.pairs import uniform_pairs as uniform_pairs
    from davenet.pairs import write_pairs as write_pairs
    from davenet.specs import ConvertSpec as ConvertSpec
    from davenet.specs import DetectSpec as DetectSpec
    from davenet.specs import EvaluateSpec as EvaluateSpec
    from davenet.specs import ExtractSpec as ExtractSpec
    from davenet.specs import MatchmapsSpec as MatchmapsSpec
    from davenet.specs import MineSpec as MineSpec
    from davenet.specs import RenderSpec as RenderSpec
    from davenet.specs import TrainSpec as TrainSpec
    from davenet.specs import TranscribeSpec as TranscribeSpec
    from davenet.specs import VideoRef as VideoRef
    from davenet.training.dataset import PairReader as PairReader
    from davenet.training.dataset import Segmenting as Segmenting
    from davenet.training.dataset import evaluation_crop as evaluation_crop
    from davenet.training.presets import PRESETS as PRESETS
    from davenet.training.presets import TrainConfig as TrainConfig
    from davenet.training.presets import preset as preset

_HOMES = {
    "davenet.clips": ("Clip", "clip_path", "open_clip"),
    "davenet.errors": ("UserError",),
    "davenet.evaluation.matchmaps": ("video_matchmaps",),
    "davenet.evaluation.recall": ("chance_at_k", "ranks", "recall_at_k", "recall_of_ranks"),
    "davenet.jobs": ("run_job",),
    "davenet.media.probe": ("probe", "video_uid"),
    "davenet.model.checkpoint": ("load_checkpoint", "save_checkpoint"),
    "davenet.model.config": ("MODEL_CONFIGS", "ModelConfig"),
    "davenet.model.davenet": ("DAVEnet", "normalised"),
    "davenet.model.similarity": ("matchmap", "pool_audio", "pool_image", "similarity_matrix"),
    "davenet.pairs": ("Pair", "WeakLabel", "read_pairs", "uniform_pairs", "write_pairs"),
    "davenet.specs": (
        "ConvertSpec", "DetectSpec", "EvaluateSpec", "ExtractSpec", "MatchmapsSpec", "MineSpec", "RenderSpec", "TrainSpec",
        "TranscribeSpec", "VideoRef",
    ),
    "davenet.training.dataset": ("PairReader", "Segmenting", "evaluation_crop"),
    "davenet.training.presets": ("PRESETS", "TrainConfig", "preset"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"davenet has no {name}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
