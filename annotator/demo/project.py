"""Makes the demo project from what resources/demo ships, through the same verbs that a user's own videos go through.

Each step looks at what is there and does only what is missing, so that a demo cut off anywhere goes on from there. The
words were really recognised and the detections simulated when the videos were generated; both are copied in, as a user
would copy label files. Everything else (import, extract, mine, matchmaps) is run here.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from annotator import verbs
from annotator.project import Project
from davenet import events, specs
from davenet.errors import UserError

RESOURCES = Path(__file__).resolve().parent.parent.parent / "resources"
VIDEOS = RESOURCES / "demo"
CHECKPOINT = RESOURCES / "checkpoint" / "kitchen-small.safetensors"
DEFAULT_PROJECT = Path(
    os.environ.get("ANNOTATOR_DEMO_PROJECT")
    or platformdirs.user_data_path("matchmap-annotator", appauthor=False) / "demo"
)
_MAPPED_AT_ONCE = 4  # videos whose matchmaps are ready before the app opens; the others take seconds each in the app

Say = Callable[[str], object]


def prepare(folder: Path, say: Say) -> dict[str, Any]:
    """Brings the demo project in `folder` to the state in which the app opens on it; returns its counts."""
    if not VIDEOS.is_dir() or not CHECKPOINT.is_file():
        raise UserError(f"{RESOURCES} lacks the demo's videos or its checkpoint; get the project's files again.")
    with Project.open(folder) if (folder / "project.sqlite").exists() else Project.create(folder) as project:
        if not _all_imported(project):
            say("Importing the demo videos")
            _do(verbs.plan_import(project, sorted(VIDEOS.glob("*.mp4"))), verbs.collect_import, project)
        if any(not state.is_extracted for state in project.video_states()):
            say("Extracting frames and sound")
            _do(verbs.plan_extract(project), verbs.collect_extract, project)
        _copy_labels(project)
        if not any(state.n_food_pairs for state in project.video_states()):
            say("Mining pairs from words and detections")
            _do(verbs.plan_mine(project), verbs.collect_mine, project)
        for video in project.store.videos()[:_MAPPED_AT_ONCE]:
            if not project.matchmaps_path(video.uid, CHECKPOINT).exists():
                say(f"Computing matchmaps of {video.title}")
                run_in_child(verbs.plan_matchmaps(project, video.uid, CHECKPOINT))
        counts = project.store.counts(project.reviewer)
        return {"videos": len(project.store.videos()), "pairs_pending": counts.pending}


def run_in_child(spec: specs.Spec, emit: events.Emit = lambda event: None) -> dict[str, Any]:
    """Runs a job in a child process, so that torch stays out of this one; returns its result.

    Raises UserError with the job's own sentence when it fails for the world's reasons.
    """
    with tempfile.TemporaryDirectory(prefix="matchmap-") as scratch:
        path = Path(scratch) / "spec.json"
        path.write_text(spec.model_dump_json(), encoding="utf-8")
        verb: str = spec.verb  # type: ignore[attr-defined]
        command = [sys.executable, "-m", "davenet", verb, "--spec", str(path)]
        final: events.Event | None = None
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as child:
            assert child.stdout is not None
            for line in child.stdout:
                event = events.from_line(line)
                if event is not None:
                    emit(event)
                    final = event
    if isinstance(final, events.Finished):
        return dict(final.result)
    if isinstance(final, events.Failed) and not final.bug:
        raise UserError(final.message)
    raise RuntimeError(f"the job {verb} ended with status {child.returncode}: {final}")


def _all_imported(project: Project) -> bool:
    known = {video.path.name for video in project.store.videos()}
    return all(path.name in known for path in VIDEOS.glob("*.mp4"))


def _copy_labels(project: Project) -> None:
    """Puts each shipped label file where the verbs would have written it, under the video's uid."""
    from davenet.labels import detections, words

    for video in project.store.videos():
        transcript = VIDEOS / f"{video.path.stem}.words.pocketsphinx.jsonl"
        simulated = VIDEOS / f"{video.path.stem}.detections.jsonl"
        if not words.transcript_path(project.labels_dir, video.uid, "pocketsphinx").exists():
            words.adopt_transcript(transcript, video.uid, project.labels_dir)
        if not detections.detections_path(project.labels_dir, video.uid, "simulated").exists():
            detections.adopt_detections(simulated, video.uid, project.labels_dir)


def _do(spec: specs.Spec, collect: Callable[..., dict[str, Any]], project: Project) -> dict[str, Any]:
    return collect(project, spec, run_in_child(spec))
