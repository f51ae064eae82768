"""Doctor says what is there and, for what is missing, what to do."""

import json
import sys
from pathlib import Path

import pytest

from annotator import doctor
from annotator.cli import main


def test_doctor_looks_at_everything_and_gives_a_remedy_for_what_is_missing(capfd: pytest.CaptureFixture[str]) -> None:
    status = main(["doctor", "--json"])
    found = json.loads(capfd.readouterr().out)
    assert status == (0 if found["well"] else 2)
    by_name = {finding["name"]: finding for finding in found["findings"]}
    assert {"display", "sound", "disk", "flite", "espeak-ng"} <= set(by_name)
    assert all(finding["remedy"] for finding in found["findings"] if not finding["is_there"])
    for needed in ("Python", "Qt", "codecs", "torch", "onnxruntime", "pocketsphinx"):
        assert by_name[needed]["is_there"], by_name[needed]


def test_what_cannot_even_be_imported_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken-python"
    broken.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import no_such_library"\n')
    broken.chmod(0o755)
    if sys.platform == "win32":
        pytest.skip("needs a shell script as interpreter")
    monkeypatch.setattr(sys, "executable", str(broken))
    finding = doctor._onnx()
    assert not finding.is_there
    assert "no_such_library" in finding.detail
    assert "pip install onnxruntime" in finding.remedy


def test_without_a_display_the_verbs_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux says by its environment that there is no display")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    finding = doctor._display()
    assert (finding.is_there, finding.needed) == (False, False)
    assert "--headless" in finding.remedy


def test_only_what_is_needed_makes_a_machine_unwell() -> None:
    there = doctor.Finding("Qt", True, "6")
    optional = doctor.Finding("flite", False, "not installed", "Install it.", needed=False)
    missing = doctor.Finding("torch", False, "No module named torch", "Install it.")
    assert doctor.is_well([there, optional])
    assert not doctor.is_well([there, missing])
    assert doctor.as_lines([optional, missing]) == [
        "– flite: not installed",
        "    Install it.",
        "✕ torch: No module named torch",
        "    Install it.",
    ]
