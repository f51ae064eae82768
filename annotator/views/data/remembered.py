"""What was asked for in the forms, kept in the project from one session to the next; what would surprise later is left out."""

from pathlib import Path
from typing import Any

from annotator.project import Project
from annotator.views.data.fields import Wish

SETTING = "forms"
# which videos, what to write over and what to take in are decided each time
NOT_KEPT = frozenset({"videos", "paths", "force", "source", "folder", "out"})


def read_wishes(project: Project) -> dict[str, Wish]:
    """Returns by verb what was asked for last; what another version wrote and cannot be read is passed over."""
    kept = project.store.setting(SETTING, {})
    found: dict[str, Wish] = {}
    for verb, values in (kept if isinstance(kept, dict) else {}).items():
        try:
            wish = Wish(verb, str(values["variant"]), tuple((str(name), _value(at)) for name, at in values["values"]))
        except (KeyError, TypeError, ValueError):
            continue
        found[verb] = wish
    return found


def keep_wish(project: Project, verb: str, wish: Wish | None) -> None:
    """Keeps what was asked for of a verb, None: forgets it. Does nothing to a project that is only read."""
    if project.is_read_only:
        return
    kept = project.store.setting(SETTING, {})
    kept = dict(kept) if isinstance(kept, dict) else {}
    kept.pop(verb, None)
    if wish is not None:
        values = [[name, _json(value)] for name, value in wish.values if name not in NOT_KEPT]
        kept[verb] = {"variant": wish.variant, "values": values}
    project.store.set_setting(SETTING, kept)


def _json(value: Any) -> Any:
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, (list, tuple)):
        return {"several": [_json(each) for each in value], "fixed": isinstance(value, tuple)}
    return value


def _value(kept: Any) -> Any:
    if not isinstance(kept, dict):
        return kept
    if "path" in kept:
        return Path(kept["path"])
    several = [_value(each) for each in kept["several"]]
    return tuple(several) if kept["fixed"] else several
