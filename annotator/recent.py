"""The projects opened lately, as the start page lists them; kept in the user's settings folder."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from annotator.project_folder import is_project
from davenet.files import write_text_atomically

_KEPT = 20


@dataclass(frozen=True, slots=True)
class RecentProject:
    path: Path
    opened_at: datetime
    is_present: bool


def config_dir() -> Path:
    """Returns the folder of the user's settings; ANNOTATOR_CONFIG_DIR overrides it."""
    chosen = os.environ.get("ANNOTATOR_CONFIG_DIR")
    return Path(chosen) if chosen else Path(platformdirs.user_config_dir("matchmap-annotator", appauthor=False))


def recent_projects() -> list[RecentProject]:
    """Returns the newest first; a list that cannot be read is an empty one, since it holds nothing that matters."""
    try:
        entries = json.loads((config_dir() / "recent.json").read_text("utf-8"))
        found = [(Path(entry["path"]), datetime.fromisoformat(entry["opened_at"])) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [RecentProject(path, opened_at, is_project(path)) for path, opened_at in found]


def remember_project(path: Path) -> None:
    """Puts a project at the head of the list."""
    others = [project for project in recent_projects() if project.path != path]
    _write([RecentProject(path, datetime.now(UTC), True), *others][:_KEPT])


def forget_project(path: Path) -> None:
    _write([project for project in recent_projects() if project.path != path])


def _write(projects: list[RecentProject]) -> None:
    entries = [{"path": str(project.path), "opened_at": project.opened_at.isoformat()} for project in projects]
    write_text_atomically(config_dir() / "recent.json", json.dumps(entries, indent=1, ensure_ascii=False))
