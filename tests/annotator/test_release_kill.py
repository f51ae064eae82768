"""An export that is killed leaves no release or a whole one, wherever it is killed; the next export is not in its way."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from project_maker import decide, fill_store

from annotator import verbs
from annotator.project import Project
from davenet.jobs import run_job
from davenet.release.reading import Release
from davenet.specs import ReleaseSpec

N_PAIRS = 240

_EXPORT = """
import os, signal, sys
from pathlib import Path
from davenet.jobs import run_job
from davenet.specs import ReleaseSpec
import davenet.release.build, pyarrow.parquet

spec = ReleaseSpec.model_validate_json(Path(sys.argv[1]).read_text("utf-8"))
dies_at, n_renames = int(sys.argv[2]), 0
rename = Path.rename

def counted(path, target):  # of folders: a file's rename is a step within the hidden folder
    global n_renames
    if path.is_dir():
        if n_renames == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        n_renames += 1
    return rename(path, target)

Path.rename = counted
print("ready", flush=True)
run_job(spec, lambda event: None)
if n_renames == dies_at:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as made:
        decide(made.store, fill_store(made.store, ["train", "validation"], pairs_each=N_PAIRS // 4)[:20])
        yield made


def export_and_die(spec: ReleaseSpec, folder: Path, *, dies_at: int = -1, after_s: float | None = None) -> None:
    """Runs an export in a process of its own; it kills itself before its rename of that number, or is killed from here."""
    file = folder / "spec.json"
    file.write_text(spec.model_dump_json(), "utf-8")
    child = subprocess.Popen(
        [sys.executable, "-c", _EXPORT, str(file), str(dies_at)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline().strip() == "ready"
    if after_s is not None:
        time.sleep(after_s)
        child.kill()
    child.communicate()
    if after_s is None:
        assert child.returncode == -signal.SIGKILL


def is_whole(out: Path) -> bool:
    """Reads the whole release, where there is one; raises UserError where it is not whole."""
    if not out.exists():
        return False
    release = Release(out)
    assert sum(1 for _ in release.pairs()) == N_PAIRS
    assert sum(1 for _ in release.verdicts()) >= 20
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot kill itself so on Windows")
@pytest.mark.parametrize(("dies_at", "is_there"), [(0, False), (1, True)])
def test_a_first_export_that_dies_at_its_rename_leaves_nothing_or_all(
    project: Project, tmp_path: Path, dies_at: int, is_there: bool
) -> None:
    out = tmp_path / "release"
    export_and_die(verbs.plan_release(project, out), tmp_path, dies_at=dies_at)
    assert is_whole(out) is is_there
    run_job(verbs.plan_release(project, out, force=True))
    assert is_whole(out)


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot kill itself so on Windows")
@pytest.mark.parametrize(("dies_at", "n_verdicts"), [(0, 20), (1, None), (2, 21)])
def test_a_replacement_that_dies_between_its_renames_loses_neither_the_old_nor_the_new(
    project: Project, tmp_path: Path, dies_at: int, n_verdicts: int | None
) -> None:
    out = tmp_path / "release"
    run_job(verbs.plan_release(project, out))
    decide(project.store, [pair.to_pair() for pair in project.store.queue("pending", reviewer="ann")[:1]])
    export_and_die(verbs.plan_release(project, out, force=True), tmp_path, dies_at=dies_at)
    if n_verdicts is None:
        assert not out.exists()  # the old one stands aside, and comes back by the next export whatever becomes of that
    else:
        assert is_whole(out)
        assert sum(1 for _ in Release(out).verdicts()) == n_verdicts
    run_job(verbs.plan_release(project, out, force=True))
    assert is_whole(out)
    assert sum(1 for _ in Release(out).verdicts()) == 21
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".release") and path.is_dir()]


def test_an_export_that_is_killed_at_any_moment_leaves_no_release_or_a_whole_one(
    project: Project, tmp_path: Path
) -> None:
    chance = random.Random(0)
    out = tmp_path / "release"
    for _ in range(6):
        export_and_die(verbs.plan_release(project, out, force=True), tmp_path, after_s=chance.uniform(0, 0.5))
        is_whole(out)
    run_job(verbs.plan_release(project, out, force=True))
    assert is_whole(out)
