"""The ranks of an evaluation, beside its figures: what two models are compared by, pair by pair. No torch."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from davenet.errors import UserError
from davenet.evaluation.recall import Ranks
from davenet.files import write_text_atomically


@dataclass(frozen=True, slots=True)
class RankFile:
    """The rank of each pair's segment (audio) and frame (visual), from 1, in a gallery of this hash."""

    gallery_hash: str
    uids: tuple[str, ...]
    audio_B: Ranks
    visual_B: Ranks


def ranks_path(evaluation: Path) -> Path:
    """Returns where the ranks of evaluation.NAME.json lie."""
    return evaluation.with_suffix(".ranks.json")


def write_ranks(path: Path, ranks: RankFile) -> None:
    values = {
        "gallery_hash": ranks.gallery_hash,
        "pairs": list(ranks.uids),
        "audio": ranks.audio_B.tolist(),
        "visual": ranks.visual_B.tolist(),
    }
    write_text_atomically(path, json.dumps(values) + "\n")


def read_ranks(path: Path) -> RankFile:
    """Raises UserError where there is no such file, or it is not what `write_ranks` wrote."""
    try:
        values = json.loads(path.read_text("utf-8"))
        found = RankFile(
            str(values["gallery_hash"]),
            tuple(map(str, values["pairs"])),
            np.asarray(values["audio"], np.int64),
            np.asarray(values["visual"], np.int64),
        )
        if not len(found.uids) == len(found.audio_B) == len(found.visual_B):
            raise ValueError("lengths differ")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); evaluate the run again.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no file of ranks; evaluate the run again.") from error
    return found
