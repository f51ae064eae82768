"""The guide's detector runs as it stands, found by the entry point that its page shows."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
from detecting import found_in, plain, prepare, quiet, spec_of

from davenet.jobs import run_job
from davenet.labels.food.detector import GROUP, open_detector
from davenet.specs import DetectorOptions


@pytest.fixture
def installed(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page's two files as an installed package; returns the source."""
    page = (repository / "docs" / "guide" / "adapters.md").read_text(encoding="utf-8")
    section = page[page.index("## Food detectors") :]
    (source,) = re.findall(r"```python\n(.*?class ColourDetector.*?)```", section, flags=re.DOTALL)
    (project,) = re.findall(r"```toml\n(.*?davenet\.detectors.*?)```", section, flags=re.DOTALL)
    values = tomllib.loads(project)["project"]
    site = tmp_path / "site"
    info = site / f"{values['name']}-{values['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {values['name']}\nVersion: {values['version']}\n")
    points = "".join(f"{name} = {value}\n" for name, value in values["entry-points"][GROUP].items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{points}")
    (site / "colour_foods.py").write_text(source)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "colour_foods", raising=False)
    return source


def test_the_guides_detector_is_of_30_lines_and_sees_in_a_project(installed: str, tmp_path: Path) -> None:
    assert len(installed.splitlines()) <= 30
    spec = spec_of(tmp_path, prepare(tmp_path), detector="colours:100", classes=None)
    assert run_job(spec, quiet).result["detected"] == ["a"]
    found = found_in(tmp_path)
    assert (found.detector, found.settings) == ("colours", {"least": 100})


@pytest.mark.usefixtures("installed")
def test_the_guides_detector_tells_its_foods_by_their_colours() -> None:
    frames = [plain(200, 20, 20), plain(230, 210, 30), plain(60, 160, 40), plain(120, 120, 120)]
    seen = open_detector("colours", DetectorOptions())(frames)
    assert [each.food for each in seen] == [1.0, 1.0, 1.0, 0.0]
    assert [max(each.top, key=lambda entry: entry[1])[0] for each in seen[:3]] == ["tomato", "lemon", "broccoli"]
