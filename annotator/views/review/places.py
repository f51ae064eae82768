"""Where each reviewer was in a project's queue: the app opens there again. Kept on this machine, not in the project.

One small file a project, written whole in the background after each pair; no Qt here.
"""

import hashlib
import json
import os
from pathlib import Path

from annotator.recent import config_dir
from annotator.store import Store
from davenet.errors import UserError

FOLLOWING = (
    5  # pairs remembered after the one shown: where that one has just got its verdict, the next one is the place
)


def places_file(project: Path) -> Path:
    """Returns where a project's places are kept among the user's settings."""
    name = hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:16]
    return config_dir() / "places" / f"{name}.json"


def read_place(project: Path, reviewer: str) -> list[str]:
    """Returns the uids of the pair that was shown last and of those after it; none where it is not known."""
    try:
        kept = json.loads(places_file(project).read_text("utf-8"))
        return [str(uid) for uid in kept[reviewer]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def keep_place(project: Path, reviewer: str, uids: list[str]) -> None:
    """Remembers where a reviewer is. A place that cannot be written is no loss: the queue then opens at its first."""
    path = places_file(project)
    try:
        kept = json.loads(path.read_text("utf-8"))
        kept = kept if isinstance(kept, dict) else {}
    except (OSError, ValueError):
        kept = {}
    kept[reviewer] = uids[: FOLLOWING + 1]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, but not fsynced as verdicts are: after each pair that would cost more than a place is worth
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        temporary.write_text(json.dumps(kept, ensure_ascii=False), "utf-8")
        temporary.replace(path)
    except OSError:
        return


def place_to_show(store: Store, project: Path, reviewer: str) -> str | None:
    """Returns the pair to open at: the first of those remembered that has no verdict yet. None where there is none."""
    for uid in read_place(project, reviewer):
        try:
            if store.pair(uid, reviewer=reviewer).state == "pending":
                return uid
        except UserError:  # mined anew since
            continue
    return None
