"""`main.py demo --headless` does what the README says: the walk through every workspace, on a machine without a display."""

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import pytest

pytestmark = pytest.mark.timeout(900)


def test_the_demo_walks_through_every_workspace_without_a_display(tmp_path: Path, repository: Path) -> None:
    out = tmp_path / "out"
    without_display = {
        k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    command = [sys.executable, str(repository / "main.py"), "demo", "--headless", "--out", str(out), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, env=without_display)
    assert ran.returncode == 0, ran.stderr[-3000:]
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["verdicts"]["accepted"] + summary["verdicts"]["rejected"] == 60
    assert summary["verdicts"]["pending"] >= 60
    assert summary["run"]["gallery_size"] >= 2
    for name in ("review", "matchmaps", "runs", "data"):
        for theme in ("dark", "light"):
            picture = cv2.imread(str(out / f"{name}-{theme}.png"))
            assert picture is not None and picture.shape[:2] == (900, 1440) and picture.std() > 10
    with av.open(str(out / summary["video"])) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.duration / av.time_base == pytest.approx(12, abs=0.3)
