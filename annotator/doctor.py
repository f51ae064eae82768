"""What this machine has of what the app needs, and the remedy for what is missing. What may crash runs in a child."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from davenet.errors import one_line

_CHILD_TIMEOUT_S = 120  # a first import of torch on a cold disk
_LEAST_FREE_GB = 5.0
_XCB = "libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-image0 libxcb-render-util0 libxkbcommon-x11-0 libegl1"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; what is not `needed` only makes something better. `remedy` is empty where all is well."""

    name: str
    is_there: bool
    detail: str
    remedy: str = ""
    needed: bool = True


def examine(folder: Path | None = None) -> list[Finding]:
    """Looks at everything (a few seconds); `folder` is where projects would go, by default the current one."""
    checks: list[Callable[[], Finding]] = [
        _python,
        _qt,
        _display,
        _sound,
        _codecs,
        _torch,
        _onnx,
        _pocketsphinx,
        lambda: _disk(folder or Path.cwd()),
        lambda: _program("flite", "makes the generated kitchen's voices again"),
        lambda: _program("espeak-ng", "makes the generated kitchen's voices again"),
    ]
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(lambda check: check(), checks))


def is_well(findings: Sequence[Finding]) -> bool:
    return all(finding.is_there for finding in findings if finding.needed)


def as_values(findings: Sequence[Finding]) -> dict[str, Any]:
    return {"well": is_well(findings), "findings": [asdict(finding) for finding in findings]}


def as_lines(findings: Sequence[Finding]) -> list[str]:
    lines = []
    for finding in findings:
        sign = "✓" if finding.is_there else "✕" if finding.needed else "–"
        lines.append(f"{sign} {finding.name}: {finding.detail}")
        if finding.remedy:
            lines.append(f"    {finding.remedy}")
    return lines


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    well = sys.version_info >= (3, 11)
    return Finding("Python", well, version, "" if well else "Install Python 3.11 or newer.")


def _qt() -> Finding:
    code = (
        "import json\nfrom PySide6 import __version__\nfrom PySide6.QtGui import QGuiApplication\n"
        "app = QGuiApplication([])\nprint(json.dumps(__version__))"
    )
    found, trouble = _in_child(code, QT_QPA_PLATFORM="offscreen")
    if found is not None:
        return Finding("Qt", True, f"PySide6 {found}")
    return Finding(
        "Qt", False, trouble, _system_packages("libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1", "pip")
    )


def _display() -> Finding:
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        remedy = "The app's window needs one; without it use the verbs, or the demo with --headless."
        return Finding("display", False, "none (neither DISPLAY nor WAYLAND_DISPLAY is set)", remedy, needed=False)
    code = (
        "import json\nfrom PySide6.QtGui import QGuiApplication\napp = QGuiApplication([])\n"
        "screens = [[s.geometry().width(), s.geometry().height()] for s in app.screens()]\n"
        "print(json.dumps([app.platformName(), screens]))"
    )
    found, trouble = _in_child(code, QT_QPA_PLATFORM=None)
    if found is None:
        return Finding("display", False, trouble, _system_packages(_XCB, "pip"), needed=False)
    sizes = ", ".join(f"{width}×{height}" for width, height in found[1])
    return Finding("display", True, f"{found[0]}, {sizes}")


def _sound() -> Finding:
    code = (
        "import json, sounddevice as s\n"
        "names = [d['name'] for d in s.query_devices() if d['max_output_channels'] > 0]\n"
        "print(json.dumps([s.get_portaudio_version()[1], names]))"
    )
    found, trouble = _in_child(code)
    if found is None:
        return Finding("sound", False, trouble, _system_packages("libportaudio2", "portaudio"), needed=False)
    version, names = found
    if not names:
        remedy = "Videos play silently, by the clock; connect headphones or a speaker to hear them."
        return Finding("sound", False, f"{version}, but no output device", remedy, needed=False)
    return Finding("sound", True, f"{version}; {', '.join(names[:3])}")


def _codecs() -> Finding:
    try:
        import av
        from av.codec import Codec
    except (ImportError, OSError) as error:
        return Finding("codecs", False, one_line(error), "Reinstall PyAV: pip install --force-reinstall av")
    missing = []
    for name, mode in (("h264", "r"), ("aac", "r"), ("libx264", "w"), ("aac", "w")):
        try:
            Codec(name, mode)  # type: ignore[arg-type]
        except ValueError:  # av's UnknownCodecError
            missing.append(f"{name} {'encoder' if mode == 'w' else 'decoder'}")
    detail = f"PyAV {av.__version__}: " + (f"no {', '.join(missing)}" if missing else "H.264 and AAC, both ways")
    remedy = (
        "Install the PyAV wheel, which has them: pip install --force-reinstall --only-binary av av" if missing else ""
    )
    return Finding("codecs", not missing, detail, remedy)


def _torch() -> Finding:
    code = (
        "import json, torch\n"
        "gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]\n"
        "if torch.backends.mps.is_available(): gpus.append('Apple GPU (MPS)')\n"
        "print(json.dumps([torch.__version__, gpus, torch.get_num_threads()]))"
    )
    found, trouble = _in_child(code)
    if found is None:
        return Finding("torch", False, trouble, "Install it: pip install torch")
    version, gpus, threads = found
    where = ", ".join(gpus) if gpus else f"no GPU, {threads} threads"
    remedy = "" if gpus else "Small models train well without a GPU; the paper's need one (CUDA or Apple)."
    return Finding("torch", True, f"{version}, {where}", remedy)


def _onnx() -> Finding:
    found, trouble = _in_child(
        "import json, onnxruntime as o\nprint(json.dumps([o.__version__, o.get_available_providers()]))"
    )
    if found is None:
        return Finding("onnxruntime", False, trouble, "Install it: pip install onnxruntime")
    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in found[1])
    return Finding("onnxruntime", True, f"{found[0]}, {providers}")


def _pocketsphinx() -> Finding:
    code = "import json, pocketsphinx as p\nprint(json.dumps(p.get_model_path('en-us/en-us')))"
    found, trouble = _in_child(code)
    if found is None or not Path(found).exists():
        detail = trouble or "its English model is missing"
        return Finding("pocketsphinx", False, detail, "Install it: pip install --force-reinstall pocketsphinx")
    return Finding("pocketsphinx", True, "with its English model")


def _disk(folder: Path) -> Finding:
    free_gb = shutil.disk_usage(folder).free / 1e9
    well = free_gb >= _LEAST_FREE_GB
    remedy = "" if well else f"Free some space: a project of a hundred videos takes about {_LEAST_FREE_GB:g} GB."
    return Finding("disk", well, f"{free_gb:.0f} GB free at {folder}", remedy, needed=False)


def _program(name: str, use: str) -> Finding:
    where = shutil.which(name)
    if where:
        return Finding(name, True, where, needed=False)
    return Finding(name, False, f"not installed ({use})", _system_packages(name, name), needed=False)


def _in_child(code: str, **environment: str | None) -> tuple[Any, str]:
    """Runs Python code that prints one JSON value; returns it and "", or None and the last line of what went wrong."""
    surroundings = {**os.environ, **{name: value for name, value in environment.items() if value is not None}}
    for name, value in environment.items():
        if value is None:
            surroundings.pop(name, None)
    try:
        child = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=_CHILD_TIMEOUT_S,
            env=surroundings,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"gave no answer within {_CHILD_TIMEOUT_S} s"
    if child.returncode == 0 and child.stdout.strip():
        return json.loads(child.stdout.strip().splitlines()[-1]), ""
    lines = [line for line in child.stderr.splitlines() if line.strip()] or [f"ended with status {child.returncode}"]
    telling = [line for line in lines if "could not" in line or "Error" in line]
    return None, one_line(Exception((telling or lines)[-1]))[:200]


def _system_packages(apt: str, brew: str) -> str:
    if sys.platform.startswith("linux"):
        return f"On Debian or Ubuntu: sudo apt install {apt}"
    if sys.platform == "darwin" and brew != "pip":
        return f"With Homebrew: brew install {brew}"
    return "Reinstall the app's packages: pip install --force-reinstall matchmap-annotator"
