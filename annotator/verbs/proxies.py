"""Proxies: small copies of the project's videos to seek in, made in the background and kept in its cache."""

from collections.abc import Mapping, Sequence
from typing import Any

from annotator.project import Project
from davenet.errors import UserError
from davenet.specs import ProxySpec, VideoRef

PROXIES_SETTING = "proxies"  # of a project: whether they are made after an import; True unless set


def wants_proxies(project: Project) -> bool:
    """Returns whether proxies are made without being asked for."""
    return bool(project.store.setting(PROXIES_SETTING, True))


def lacks_proxies(project: Project) -> bool:
    """Returns whether a video that is there has no proxy; looks at file names only."""
    return any(v.path.exists() and not project.proxy_path(v.uid).exists() for v in project.store.videos())


def plan_proxy(project: Project, *, videos: Sequence[str] | None = None, force: bool = False) -> ProxySpec:
    """Plans the proxies of the videos that are where they were; raises UserError where there are none."""
    found = project.store.videos() if videos is None else [project.store.video(uid) for uid in videos]
    if not found:
        raise UserError(f"{project.path} has no videos; import some first.")
    refs = [VideoRef(uid=v.uid, path=v.path, duration_s=v.duration_s) for v in found if v.path.exists()]
    if not refs:
        raise UserError(f"None of the videos of {project.path} is where it was; connect their drive or relink them.")
    return ProxySpec(videos=refs, out_dir=project.proxy_path(refs[0].uid).parent, force=force)


def collect_proxy(project: Project, spec: ProxySpec, result: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the job's result; proxies are found by their names, and a video without one plays from its file."""
    return {name: list(result.get(name, [])) for name in ("made", "skipped", "unusable")}
