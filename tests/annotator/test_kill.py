"""A reviewer's program is killed at random moments: every verdict that it acknowledged is there afterwards."""

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from project_maker import fill_store

from annotator.store import DATABASE, open_store

_REVIEWER = """
import itertools, sys
from pathlib import Path
from annotator.store import open_store

store = open_store(Path(sys.argv[1]))
uids = store.queue_uids("all", reviewer="ann")
for turn in itertools.count():
    verdict = store.give_verdict(uids[turn % len(uids)], "accept", reviewer="ann", seconds=0.1, window_s=2.0)
    print(verdict.uid, flush=True)
    if turn % 5 == 4:
        store.undo("ann")
"""
KILLS = 10


def test_killing_the_app_loses_no_acknowledged_verdict(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    fill_store(store, ["train"])
    store.close()
    chance = random.Random(0)
    acknowledged: list[str] = []
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", _REVIEWER, str(tmp_path)], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert child.stdout is not None
        acknowledged.append(child.stdout.readline().strip())
        time.sleep(chance.uniform(0.0, 0.2))
        child.kill()
        rest, _ = child.communicate()
        acknowledged += [line for line in rest.splitlines(keepends=False) if len(line) == 32]
    store = open_store(tmp_path)
    kept = {entry.uid for entry in store.history()}
    standing = {record.uid for record in store.queue("done", reviewer="ann")}
    store.close()
    assert len(acknowledged) > KILLS
    assert set(acknowledged) <= kept
    assert standing
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
