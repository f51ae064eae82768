"""From what a form asked for to the verb's plan, the same functions that the command line calls. No Qt."""

from collections.abc import Sequence
from typing import Any

from annotator import verbs
from annotator.project import Project
from annotator.store.records import Problem
from annotator.views.data.fields import Wish
from annotator.views.data.speech_forms import USUAL_WHISPER
from davenet.errors import UserError
from davenet.labels.food.auto import DEFAULT_CLIP
from davenet.specs import FolderSource, Spec, YouCook2Source, YouTube8MSource

_SOURCES = {"folder": FolderSource, "youcook2": YouCook2Source, "youtube8m": YouTube8MSource}
_USUAL_MODELS = {"faster-whisper": USUAL_WHISPER, "clip": DEFAULT_CLIP}


def plan(project: Project, wish: Wish, videos: Sequence[str] | None) -> Spec:
    """Returns the spec of the job; `videos` are the uids to work on, None for all. Raises UserError as the verbs do."""
    given = wish.given()
    if wish.verb != "import":
        given.pop("videos", None)  # which ones: `videos` says it
    match wish.verb:
        case "import":
            return _import(project, wish.variant, given)
        case "extract":
            machines = _machines(given)
            return verbs.on_engine(verbs.plan_extract(project, videos=videos, **given), **machines)
        case "transcribe":
            machines, named = _machines(given), _named(wish.variant or "auto", given)
            return verbs.on_engine(verbs.plan_transcribe(project, named, videos=videos, **given), **machines)
        case "detect":
            machines, named = _machines(given), _named(wish.variant or "auto", given)
            elsewhere = machines.get("engine") == "ray" and machines.get("out") is not None
            spec = verbs.plan_detect(project, named, videos=videos, clips_elsewhere=elsewhere, **given)
            return verbs.on_engine(spec, **machines)
        case "mine":
            if given.get("synonyms") is not None:
                given["match"] = "synonyms"
            return verbs.plan_mine(project, videos=videos, **given)
        case "release":
            return verbs.plan_release(project, given.pop("out"), **given)
    raise ValueError(wish.verb)


def plan_again(project: Project, verb: str, problems: Sequence[Problem], wish: Wish) -> Spec:
    """Returns the spec that tries these files or videos again, with the step's settings as they are."""
    uids = [problem.video_uid for problem in problems if problem.video_uid is not None]
    if verb == "import" or not uids:
        return verbs.plan_import(project, [problem.path for problem in problems])
    values = tuple((name, value) for name, value in wish.values if name not in ("videos", "force"))
    return plan(project, Wish(verb, wish.variant, values), None if verb == "mine" else uids)


def _import(project: Project, variant: str, given: dict[str, Any]) -> Spec:
    if variant in _SOURCES:
        return verbs.plan_import_corpus(project, _SOURCES[variant](**given))
    return verbs.plan_import(project, given.get("paths", []))


def _machines(given: dict[str, Any]) -> dict[str, Any]:
    """Takes out of the values what says where the job runs."""
    return {name: given.pop(name) for name in ("engine", "address", "out", "fetch", "videos_at") if name in given}


def _named(variant: str, given: dict[str, Any]) -> str:
    """Returns the recogniser or detector as the verbs name it, and takes its parts out of the values."""
    if variant == "import":
        source = given.pop("source", None)
        if source is None:
            raise UserError("No file was named; choose the file or folder to take in.")
        return f"import:{source}"
    model = given.pop("model", None) or _USUAL_MODELS.get(variant)
    return f"{variant}:{model}" if model else variant
