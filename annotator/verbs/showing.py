"""Making what a model hears visible: a video's matchmaps for the app, and the rendered video."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from annotator.project import Project
from annotator.verbs.training import resolve_checkpoint
from davenet.errors import UserError
from davenet.specs import MatchmapsSpec, RenderSpec, VideoRef


def plan_matchmaps(
    project: Project, video_uid: str, checkpoint: str | Path, *, device: str = "auto", **choices: float
) -> MatchmapsSpec:
    """`checkpoint` is a run's id or a file; the maps go where `Project.matchmaps_path` says."""
    found = resolve_checkpoint(project, checkpoint)
    video = project.store.video(video_uid)
    return MatchmapsSpec.model_validate(
        {
            "checkpoint": found,
            "video": VideoRef(uid=video.uid, path=video.path),
            "out": project.matchmaps_path(video.uid, found),
            "device": device,
            **choices,
        }
    )


def collect_matchmaps(project: Project, spec: MatchmapsSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    return {**result, "out": str(spec.out)}


def plan_render(
    project: Project, video_uid: str, checkpoint: str | Path, out: Path, *, device: str = "auto", **choices: Any
) -> RenderSpec:
    """`choices` are RenderSpec's fields; raises UserError for an output that is no .mp4 and for impossible choices."""
    out = out.expanduser().absolute()
    if out.suffix.lower() != ".mp4":
        raise UserError(f"{out} cannot be written; the rendered video's name must end in .mp4.")
    video = project.store.video(video_uid)
    if out == video.path:
        raise UserError(f"{out} is the video itself; choose another name for the rendered one.")
    start_s, end_s = float(choices.get("start_s") or 0.0), choices.get("end_s")
    if start_s >= video.duration_s:
        raise UserError(f"{video.path} lasts {video.duration_s:.1f} s; choose a start before its end.")
    if end_s is not None and float(end_s) <= start_s:
        raise UserError(f"The end ({float(end_s):g} s) must lie after the start ({start_s:g} s).")
    second = choices.pop("second_checkpoint", None)
    try:
        return RenderSpec.model_validate(
            {
                "checkpoint": resolve_checkpoint(project, checkpoint),
                "second_checkpoint": None if second is None else resolve_checkpoint(project, second),
                "video": VideoRef(uid=video.uid, path=video.path),
                "out": out,
                "device": device,
                **choices,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"Rendering's {'.'.join(map(str, first['loc']))}: {first['msg']}; correct it.") from error


def collect_render(project: Project, spec: RenderSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    return {**result, "out": str(spec.out)}
