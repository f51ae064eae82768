"""Runs one spec and reports it in events: the only way in for the command line and for the app's child processes.

Every job function has the shape ``run(spec, emit, stop) -> dict``: it emits Progress, Metrics, Skipped and Message
events, asks ``stop()`` between units of work and raises ``events.Stop`` when that is true, and returns its result.
"""

import importlib
import os
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from davenet import events, specs
from davenet.errors import UserError, one_line
from davenet.gpu_faults import gpu_fault

ShouldStop = Callable[[], bool]

# verb -> (module, function); imported on use, so that a job that needs no torch never loads it
_JOBS = {
    "import": ("davenet.media.importing", "import_videos"),
    "import-corpus": ("davenet.corpora.importing", "import_corpus"),
    "extract": ("davenet.media.extract", "extract_videos"),
    "proxy": ("davenet.media.proxy", "make_proxies"),
    "transcribe": ("davenet.labels.transcribe", "transcribe_videos"),
    "detect": ("davenet.labels.detect", "detect_foods"),
    "mine": ("davenet.labels.mining", "mine_pairs"),
    "train": ("davenet.training.loop", "train"),
    "estimate": ("davenet.training.estimate", "estimate"),
    "evaluate": ("davenet.evaluation.evaluate", "evaluate"),
    "evidence": ("davenet.evaluation.evidence", "collect_evidence"),
    "retrieve": ("davenet.evaluation.retrieval", "retrieve"),
    "score": ("davenet.evaluation.scores", "score"),
    "reproduce": ("davenet.evaluation.reproduce", "reproduce"),
    "live": ("davenet.evaluation.live", "serve"),
    "matchmaps": ("davenet.evaluation.matchmaps", "compute_matchmaps"),
    "render": ("davenet.evaluation.render", "render_video"),
    "release": ("davenet.release.build", "build_release"),
    "convert": ("davenet.model.convert", "convert"),
}


def run_job(
    spec: specs.Spec, emit: events.Emit = lambda event: None, stop: ShouldStop = lambda: False
) -> events.Finished | events.Cancelled:
    """Runs the job of a spec in this process, emits its final event and returns it.

    Raises UserError for the world's faults and the original exception for ours, each after its Failed event.
    """
    verb = spec.verb  # type: ignore[attr-defined]
    try:
        run = _engine_job() if _is_for_engine(spec) else own_job(verb)
        result = run(spec, emit, stop)
        final: events.Finished | events.Cancelled = events.Finished(result)
    except (events.Stop, KeyboardInterrupt) as stopped:
        final = events.Cancelled(stopped.args[0] if stopped.args and isinstance(stopped.args[0], dict) else {})
    except UserError as error:
        emit(events.Failed(one_line(error)))
        raise
    except MemoryError as error:
        message = "Not enough memory for this job; close other programs or choose a smaller batch."
        emit(events.Failed(message))
        raise UserError(message) from error
    except BaseException as error:
        if (fault := gpu_fault(error)) is not None:
            traceback.print_exc()
            emit(events.Failed(fault))
            raise UserError(fault) from error
        emit(events.Failed(f"{type(error).__name__}: {one_line(error)}", bug=True))
        traceback.print_exc()
        raise
    emit(final)
    return final


_INBOX: SimpleQueue[str] = SimpleQueue()


def inbox() -> SimpleQueue[str]:
    """Returns the lines that this process was sent on standard input, for jobs that answer requests."""
    return _INBOX


def own_job(verb: str) -> Callable[..., dict[str, Any]]:
    """Returns the job function of a verb for this machine."""
    module, function = _JOBS[verb]
    run: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), function)
    return run


def _is_for_engine(spec: specs.Spec) -> bool:
    return isinstance(spec, specs.EngineOptions) and (spec.engine != "local" or spec.out is not None)


def _engine_job() -> Callable[..., dict[str, Any]]:
    from davenet.engines.job import run_by_engine

    return run_by_engine


def started(verb: str, total: float | None, unit: str) -> events.Started:
    return events.Started(verb, total, unit, os.getpid())
