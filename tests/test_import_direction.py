"""annotator imports davenet, never the reverse; the app's process never imports torch."""

import subprocess
import sys

_CORE = """
import importlib, pkgutil, sys
import davenet
for module in pkgutil.walk_packages(davenet.__path__, "davenet."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(sorted(name for name in sys.modules if name.split(".")[0] in ("PySide6", "sqlalchemy", "annotator")))
"""


def _loaded(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout.strip().splitlines()[-1]


def test_the_core_imports_neither_qt_nor_the_database() -> None:
    assert _loaded(_CORE) == "[]"


def test_the_app_does_not_import_torch() -> None:
    code = "import annotator.app, sys; print(sorted(n for n in ('torch', 'numba', 'onnxruntime') if n in sys.modules))"
    assert _loaded(code) == "[]"


def test_the_command_line_starts_without_torch_or_qt() -> None:
    code = "import annotator.cli, sys; print(sorted(n for n in ('torch', 'PySide6', 'cv2') if n in sys.modules))"
    assert _loaded(code) == "[]"
