"""Opens and filters a gallery of 100,000 pairs in the Retrieval workspace, and takes the time of each turn of its thread.

Runs in a process of its own, on a desk's display (desk.py): `python -m benchmarks.window.retrieval FOLDER`. Time is the
thread's own on the processor: what another program takes from it is not in it. A turn is one pass over the events.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from annotator.app import application
from annotator.demo.project import CHECKPOINT
from annotator.jobs.queue import JobQueue
from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import RunRecord
from annotator.views.retrieval.presenter import RetrievalPresenter
from annotator.views.retrieval.workspace import RetrievalWorkspace
from annotator.views.work import Work
from davenet.files import content_hash
from davenet.pairs import Pair, write_pairs
from davenet.retrieval_file import Arrays, GroupRow, Retrieval, write_retrieval
from davenet.retrieved_pairs import RetrievedPair

N, N_CLASSES, N_VIDEOS, N_PICTURED = 100_000, 60, 2000, 1000
RUN = "001-small"


def make(folder: Path) -> None:
    """Makes a project with a run that has looked at N pairs."""
    random = np.random.default_rng(0)
    of_N, video_N = random.integers(0, N_CLASSES, N), random.integers(0, N_VIDEOS, N)
    names = [f"food {number}" for number in range(N_CLASSES)]
    pairs = [
        RetrievedPair(f"pair{at:06d}", f"video{video}", at % 600.0, at % 600.0, 2.0, names[of], names[of], "test")
        for at, (of, video) in enumerate(zip(of_N.tolist(), video_N.tolist(), strict=True))
    ]
    places_NK = random.integers(0, N, (N, 10)).astype(np.int32)
    similarity_NK = np.sort(random.normal(size=(N, 10)).astype(np.float32))[:, ::-1].copy()
    plane_N2 = random.normal(size=(N, 2)).astype(np.float32)
    ranks_N, step = random.integers(1, N, N), N // N_PICTURED
    none_N0 = np.zeros((N, 0), np.float16)
    arrays = Arrays(
        none_N0, none_N0, ranks_N, ranks_N, similarity_NK[:, 0].copy(), places_NK, similarity_NK, places_NK, similarity_NK,
        plane_N2, plane_N2, np.argsort(of_N, kind="stable").astype(np.int32),
        random.normal(size=(N_PICTURED, N_PICTURED)).astype(np.float16),
    )  # fmt: skip
    rows = tuple(GroupRow(name, N // N_CLASSES, 0.1, (0.0, 0.2), 0.1, (0.0, 0.2), 0.1, 0.1, 0.1) for name in names)
    overall = {"audio_recall_at_10": 0.1, "visual_recall_at_10": 0.1, "chance": 10 / N}
    with Project.create(folder) as project:
        project.store.add_run(RunRecord(RUN, "small", "finished"))
        run = project.run_dir(RUN)
        (run / "checkpoints").mkdir(parents=True)
        (run / "retrieval").mkdir()
        checkpoint = run / "checkpoints" / "best.safetensors"
        checkpoint.write_bytes(CHECKPOINT.read_bytes())
        gallery = run / "validation.pairs.jsonl"
        write_pairs(gallery, (Pair(one.uid, one.video_uid, one.time_s, 2.0, "uniform") for one in pairs))
        found = Retrieval(
            arrays, pairs, rows, rows, overall, "validation", "gallery", content_hash(checkpoint), "sisa", step, (0.3, 0.2),
            pairs_file_hash=content_hash(gallery),
        )  # fmt: skip
        write_retrieval(run / "retrieval" / "gallery.safetensors", found)


def measure(folder: Path) -> dict[str, float]:
    """Returns the longest turn of each step in milliseconds of processor time."""
    app = application()
    with Project.open(folder) as project:
        queue, player = JobQueue(), Player()
        work, view = Work(project, queue), RetrievalWorkspace()
        presenter = RetrievalPresenter(view, work, player)
        view.resize(1280, 720)

        def is_quiet() -> bool:
            return presenter.is_idle() and work.background.is_idle()

        def longest(step: Callable[[], object]) -> float:
            before = time.thread_time()
            step()
            turns = [time.thread_time() - before]
            quiet = 0
            while quiet < 50:  # what follows from a step comes turns later
                before = time.thread_time()
                app.processEvents()
                turns.append(time.thread_time() - before)
                quiet = quiet + 1 if is_quiet() else 0
                time.sleep(0.001)
            return 1000 * max(turns)

        wanted = view.panel.want
        longest(view.show)  # the first look pays for what Qt makes once
        found = {"open": longest(presenter.galleries.read_place)}
        found["filter"] = max(
            longest(lambda: wanted(show="all")),
            longest(lambda: wanted(class_name="food 7")),
            longest(lambda: wanted(class_name=None, text="food 1 video12")),
            longest(lambda: wanted(text="", order="nearest")),
            longest(lambda: wanted(way="visual")),
        )
        for page in ("map", "matrix", "tables"):
            view.open_page(page)
            longest(lambda: view.open_page("cases"))
            found[page] = longest(lambda page=page: view.open_page(page))  # type: ignore[misc]
        presenter.close()
        work.close()
        queue.close()
        player.shutdown()
        view.close()
    return found


if __name__ == "__main__":
    place = Path(sys.argv[1])
    if not place.exists():
        make(place)
    print(json.dumps(measure(place)))
