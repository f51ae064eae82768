"""The library's guide runs as it stands, and its names are there for whoever imports them."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import davenet


def test_every_example_of_the_guide_runs(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("resources", "docs"):
        (tmp_path / name).symlink_to(repository / name, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    text = (repository / "docs" / "guide" / "core.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(examples) >= 6
    names: dict[str, object] = {}
    for number, example in enumerate(examples, 1):
        exec(compile(example, f"example {number} of core.md", "exec"), names)


def test_import_of_the_package_brings_no_torch_and_no_qt() -> None:
    code = "import davenet, sys; print([m for m in ('torch', 'PySide6', 'sqlalchemy', 'cv2') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_names_that_editors_see_are_those_that_are_found() -> None:
    tree = ast.parse(Path(davenet.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert seen == set(davenet.__all__)
    for name in davenet.__all__:
        assert getattr(davenet, name) is not None
    with pytest.raises(AttributeError, match="davenet has no worker"):
        davenet.worker  # noqa: B018
