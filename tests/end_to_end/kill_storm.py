"""Kills the app at random moments while verdicts stream into it, and looks at what is left: `kill_storm.py 500`.

Each turn is a real process with the real Review workspace (offscreen) that gets real key events; every twentieth is the
whole app. It tells through a pipe what the window acknowledged, after it did; the killer then reads the project as the next app
would. The processes are forked from one that has imported everything, so that a turn takes a second or two.
"""

import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from annotator.project import Project
from annotator.store import DATABASE, open_store
from annotator.store.records import VideoRecord
from davenet.media.encode import VideoWriter
from davenet.pairs import Pair, WeakLabel, pair_uid

REVIEWER = "ann"
DURATION_S = 12.0
FOODS = ("onion", "garlic", "butter", "egg")
MOST_VERDICTS = 4  # that a life acknowledges before its last moment, which is drawn to the millisecond
LAST_MOMENT_S = 0.15
WHOLE_APP_EVERY = 20
_KEYS = ("A",) * 6 + ("X",) * 4 + ("U", "S", "J", "K", "Backspace")


@dataclass
class Storm:
    """What the kills left behind; `faults` are sentences, none where nothing was lost."""

    kills: int = 0
    kills_before_a_pair: int = 0
    acknowledged: list[str] = field(default_factory=list)
    kept_unacknowledged: int = 0
    undos: int = 0
    reopened: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def make_project(folder: Path, n_pairs: int) -> Path:
    """A project with one small video and many pairs on it."""
    with Project.create(folder / "kitchen") as project:
        path = folder / "soup.mp4"
        with VideoWriter(path, 96, 54, 10.0) as writer:
            for number in range(int(DURATION_S * 10)):
                writer.write(np.full((54, 96, 3), 2 * number, np.uint8))
        project.store.add_videos([VideoRecord("soup", path, "soup", DURATION_S, 10.0, 96, 54, "hash")])
        project.store.set_setting("reviewer", REVIEWER)
        pairs = []
        for number in range(n_pairs):
            at, name = 1.0 + 0.001 * number, FOODS[number % len(FOODS)]
            label = WeakLabel(name, 0.9, 1, name, at, at + 0.4, 0.8)
            pairs.append(Pair(pair_uid("soup", at, "food"), "soup", at, 2.0, "food", (label,), 0.9))
        project.store.put_pairs(pairs, {})
        return project.path


def storm(project: Path, kills: int, *, seed: int = 0, say: bool = False) -> Storm:
    """Lets the app live and die so many times and checks after each death."""
    chance = random.Random(seed)
    found = Storm()
    expected: list[str] = []  # the pairs at which the app may open again
    known: set[str] = set()
    for turn in range(kills):
        lines = _one_life(project, chance, is_whole=turn % WHOLE_APP_EVERY == 0)
        found.kills += 1
        opened = [line.split()[1] for line in lines if line.startswith("opened ")]
        if any(line.startswith("broken ") for line in lines):
            found.faults.append(f"turn {turn}: {next(line for line in lines if line.startswith('broken '))}")
        if opened:
            if expected:
                where = "at the same pair" if opened[0] == expected[0] else "one step beside"
                found.reopened[where if opened[0] in expected else "elsewhere"] += 1
                if opened[0] not in expected:
                    found.faults.append(f"turn {turn}: opened at {opened[0]} in place of {expected[0]}")
        else:
            found.kills_before_a_pair += 1
        acknowledged = [line.split()[1] for line in lines if line.startswith("verdict ")]
        found.undos += sum(line == "undone" for line in lines)
        found.acknowledged += acknowledged
        kept = _check(project, found, turn, acknowledged, known)
        found.kept_unacknowledged += len(kept - known - set(acknowledged))
        known |= kept
        shown = [line.split() for line in lines if line.startswith("shown ")]
        if shown:
            expected = _where_to_open(project, [words[1] for words in shown], shown[-1][2:])
        if say and (turn + 1) % 25 == 0:
            print(f"{turn + 1} kills, {len(found.acknowledged)} verdicts, faults: {found.faults}", flush=True)
    return found


def _check(project: Path, found: Storm, turn: int, acknowledged: list[str], known: set[str]) -> set[str]:
    """Reads the project as SQLite and as the app see it; returns the uids of its history."""
    with closing(sqlite3.connect(project / DATABASE)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            found.faults.append(f"turn {turn}: the database is not whole")
        if connection.execute("PRAGMA foreign_key_check").fetchall():
            found.faults.append(f"turn {turn}: rows point at nothing")
        kept = {row[0] for row in connection.execute("SELECT uid FROM verdict")}
    if lost := (set(acknowledged) | known) - kept:
        found.faults.append(f"turn {turn}: {len(lost)} acknowledged verdicts are lost")
    return kept


def _where_to_open(project: Path, shown: list[str], following: list[str]) -> list[str]:
    """Returns the pairs at which the next app may open: where the last one was, else a step beside it.

    The last one may have been cut off while a step was under way, whose key was pressed and whose answer was not told any
    more: to a neighbour, or by undo to the pair whose verdict was withdrawn.
    """
    with closing(open_store(project)) as store:
        pending = set(store.queue_uids("pending", reviewer=REVIEWER))
        history = store.history()
    undone = [history[-1].pair_uid] if history and history[-1].refers_to is not None else []
    return [uid for uid in (shown[-1], *following, *shown[-2:-1], *undone) if uid in pending]


def _one_life(project: Path, chance: random.Random, *, is_whole: bool) -> list[str]:
    """Starts an app, kills it at a random moment, and returns what it said."""
    read_end, write_end = os.pipe()
    keys = random.Random(chance.random())
    dies_opening = chance.random() < 0.1
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        try:
            _live(project, keys, write_end, is_whole=is_whole)
        except BaseException:
            _tell(write_end, "broken " + " ".join(traceback.format_exc().split()))
        os._exit(1)
    os.close(write_end)
    said = b""
    if dies_opening:
        said += _listen(read_end, chance.uniform(0, 0.6), until=None)
    else:
        said += _listen(read_end, 60.0, until=b"opened")
        for _ in range(chance.randint(0, MOST_VERDICTS)):
            said += _listen(read_end, 5.0, until=b"verdict")
        said += _listen(read_end, chance.uniform(0, LAST_MOMENT_S), until=None)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(read_end, 65536):
        said += part
    os.close(read_end)
    return [line for line in said.decode().split("\n")[:-1] if line]  # what was cut off in the middle was not said


def _listen(pipe: int, seconds: float, *, until: bytes | None) -> bytes:
    """Reads what an app says for so long, or until it says a word."""
    said, end = b"", time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([pipe], [], [], left)[0]:
            break
        part = os.read(pipe, 65536)
        said += part
        if not part or (until is not None and until in said):
            break
    return said


def _tell(pipe: int, line: str) -> None:
    os.write(pipe, f"{line}\n".encode())


def _live(project: Path, keys: random.Random, pipe: int, *, is_whole: bool) -> None:
    """The app: its window on the project, and keys as fast as it takes them."""
    from PySide6.QtCore import Qt, QTimer
    from PySide6.QtTest import QTest

    from annotator.app import application

    app = application()
    window, review = _whole_app(project) if is_whole else _review_alone(project)
    review.options.autoplay = False  # decoding would only slow the stream of verdicts down
    written: list[str] = []
    last: list[str] = [""]
    review.writer.given.connect(lambda _attempt, verdict: written.append(verdict.uid))
    review.writer.stepped.connect(lambda _step: written.append(""))

    def acknowledge() -> None:
        for uid in written:
            _tell(pipe, f"verdict {uid}" if uid else "undone")
        written.clear()

    def look() -> None:
        if review.current is not None and review.current.uid != last[0]:
            if not last[0]:
                _tell(pipe, f"opened {review.current.uid}")
            last[0] = review.current.uid
            following = [pair.uid for pair in review.queue.following(last[0], 5)]
            model = review.workspace.model
            row = model.row_of(last[0])
            before = model.uid_at(row - 1) if row else None  # J may have passed it by: K goes there
            _tell(pipe, " ".join(["shown", last[0], *following, *([before] if before else [])]))

    def press() -> None:
        # What is told to be shown is remembered on the disk already
        if review.current is not None and not review.writer.is_writing and review.placing.is_idle():
            look()
            QTest.keyClick(app.focusWidget() or window, getattr(Qt.Key, f"Key_{keys.choice(_KEYS)}"))

    review.verdict_given.connect(acknowledge)
    timer = QTimer(interval=5)
    timer.timeout.connect(press)
    timer.start()
    app.exec()


def _whole_app(project: Path) -> tuple[Any, Any]:
    from annotator.app import build_window

    window: Any = build_window(project)
    window.show()
    return window, window.wiring.open.review


def _review_alone(project: Path) -> tuple[Any, Any]:
    from annotator.playback.player import Player
    from annotator.views.review.presenter import ReviewPresenter
    from annotator.views.review.workspace import ReviewWorkspace

    workspace = ReviewWorkspace()
    review = ReviewPresenter(workspace, Project.open(project, write_lock=True), Player(workspace), workspace)
    workspace.resize(1280, 720)
    workspace.show()
    workspace.activateWindow()
    workspace.setFocus()
    review.activate()
    return workspace, review


def in_a_process_of_its_own(project: Path, kills: int) -> Storm:
    """Runs the storm in a fresh process: forking one that has threads or a QApplication already would be unsound."""
    script = (
        "import json, sys\nfrom pathlib import Path\nimport kill_storm\n"
        "kill_storm.import_everything()\n"
        "print(json.dumps(vars(kill_storm.storm(Path(sys.argv[1]), int(sys.argv[2])))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(project), str(kills)],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout.splitlines()[-1])
    return Storm(**(values | {"reopened": Counter(values["reopened"])}))


def import_everything() -> None:
    """Loads in the parent what every app needs; a QApplication is only made in the children."""
    import annotator.app
    import annotator.wiring
    import annotator.workspaces  # noqa: F401


def main() -> int:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    import_everything()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        os.environ["ANNOTATOR_CONFIG_DIR"] = str(Path(folder) / "config")
        project = make_project(Path(folder), n_pairs=4 * kills + 100)
        found = storm(project, kills, seed=int(sys.argv[2]) if len(sys.argv) > 2 else 0, say=True)
    figures = {
        "kills": found.kills,
        "before a pair was shown": found.kills_before_a_pair,
        "acknowledged verdicts": len(found.acknowledged),
        "undone or redone": found.undos,
        "kept though not yet acknowledged": found.kept_unacknowledged,
        "reopened": dict(found.reopened),
        "faults": found.faults,
        "minutes": round((time.monotonic() - began_s) / 60, 1),
    }
    print(json.dumps(figures, indent=1))
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
