"""Each verb in two halves around its job: `plan_VERB` makes the spec, `collect_VERB` takes the result into the project.

The command line runs the job between them in its own process, the app in a child; both call these same functions.
"""

from collections.abc import Callable, Mapping
from typing import Any

from annotator.project import Project
from annotator.verbs.choosing import NEXT_PAIRS, choose_next, collect_evidence, plan_evidence, plan_misses
from annotator.verbs.corpora import collect_import_corpus, plan_import_corpus
from annotator.verbs.engines import on_engine
from annotator.verbs.foreign_runs import command_elsewhere, plan_elsewhere, take_in_run
from annotator.verbs.importing import collect_import, plan_import
from annotator.verbs.labelling import (
    collect_detect,
    collect_extract,
    collect_mine,
    collect_transcribe,
    plan_detect,
    plan_extract,
    plan_mine,
    plan_transcribe,
)
from annotator.verbs.proxies import collect_proxy, lacks_proxies, plan_proxy, wants_proxies
from annotator.verbs.releasing import collect_release, plan_release
from annotator.verbs.reproducing import collect_reproduce, plan_reproduce
from annotator.verbs.retrieving import accept_result, collect_retrieve, galleries_of, looked_at, plan_retrieve
from annotator.verbs.scoring import collect_score, plan_score
from annotator.verbs.showing import collect_matchmaps, collect_render, plan_matchmaps, plan_render
from annotator.verbs.taking_in import import_release
from annotator.verbs.training import (
    ELSEWHERE,
    accepted_split,
    collect_estimate,
    collect_evaluate,
    collect_train,
    plan_estimate,
    plan_evaluate,
    plan_resume,
    plan_train,
    resolve_checkpoint,
    resolve_run,
    run_ended,
    run_started,
)
from davenet.specs import Spec

__all__ = [
    "ELSEWHERE",
    "NEXT_PAIRS",
    "accept_result",
    "accepted_split",
    "choose_next",
    "collect",
    "collect_detect",
    "collect_estimate",
    "collect_evaluate",
    "collect_evidence",
    "collect_extract",
    "collect_import",
    "collect_import_corpus",
    "collect_matchmaps",
    "collect_mine",
    "collect_proxy",
    "collect_release",
    "collect_render",
    "collect_reproduce",
    "collect_retrieve",
    "collect_score",
    "collect_train",
    "collect_transcribe",
    "command_elsewhere",
    "galleries_of",
    "import_release",
    "lacks_proxies",
    "looked_at",
    "on_engine",
    "plan_detect",
    "plan_elsewhere",
    "plan_estimate",
    "plan_evaluate",
    "plan_evidence",
    "plan_extract",
    "plan_import",
    "plan_import_corpus",
    "plan_matchmaps",
    "plan_mine",
    "plan_misses",
    "plan_proxy",
    "plan_release",
    "plan_render",
    "plan_reproduce",
    "plan_resume",
    "plan_retrieve",
    "plan_score",
    "plan_train",
    "plan_transcribe",
    "resolve_checkpoint",
    "resolve_run",
    "run_ended",
    "run_started",
    "take_in_run",
    "wants_proxies",
]

_COLLECT: dict[str, Callable[[Project, Any, Mapping[str, Any]], dict[str, Any]]] = {
    "import": collect_import,
    "import-corpus": collect_import_corpus,
    "extract": collect_extract,
    "proxy": collect_proxy,
    "transcribe": collect_transcribe,
    "detect": collect_detect,
    "mine": collect_mine,
    "train": collect_train,
    "estimate": collect_estimate,
    "evaluate": collect_evaluate,
    "score": collect_score,
    "evidence": collect_evidence,
    "retrieve": collect_retrieve,
    "reproduce": collect_reproduce,
    "matchmaps": collect_matchmaps,
    "render": collect_render,
    "release": collect_release,
}


def collect(project: Project, spec: Spec, result: Mapping[str, Any]) -> dict[str, Any]:
    """Takes a finished (or cancelled) job's result into the project, whatever its verb, and returns the summary."""
    verb: str = spec.verb  # type: ignore[attr-defined]
    return _COLLECT[verb](project, spec, result)
