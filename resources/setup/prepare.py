"""Sets a machine up for the project: system libraries, a virtual environment, the pinned packages. Only Python itself.

Called by make; run it again at any time, it does only what is missing. System libraries come through apt where that may
be used without a password (root, or sudo -n); elsewhere the one command to run is named.
"""

from __future__ import annotations

import argparse
import ctypes.util
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"

# What a window, its text and its sound need on Debian and Ubuntu: library (as the loader finds it) -> package.
LIBRARIES = {
    "portaudio": "libportaudio2",
    "EGL": "libegl1",
    "GL": "libgl1",
    "glib-2.0": "libglib2.0-0",
    "dbus-1": "libdbus-1-3",
    "fontconfig": "libfontconfig1",
    "xkbcommon": "libxkbcommon0",
    "xkbcommon-x11": "libxkbcommon-x11-0",
    "xcb-cursor": "libxcb-cursor0",
    "xcb-icccm": "libxcb-icccm4",
    "xcb-image": "libxcb-image0",
    "xcb-keysyms": "libxcb-keysyms1",
    "xcb-randr": "libxcb-randr0",
    "xcb-render-util": "libxcb-render-util0",
    "xcb-shape": "libxcb-shape0",
    "xcb-xinerama": "libxcb-xinerama0",
    "xcb-xkb": "libxcb-xkb1",
}
# What only the tests use: a virtual screen, voices, a sound server. Tests that need one are skipped where it is absent.
TEST_PROGRAMS = {
    "Xvfb": "xvfb",
    "flite": "flite",
    "espeak-ng": "espeak-ng",
    "ffmpeg": "ffmpeg",
    "pulseaudio": "pulseaudio",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="also what the tests use")
    for_tests = parser.parse_args().tests
    if sys.version_info < (3, 11):  # noqa: UP036 - the one file that an older Python runs, to say so
        print(
            f"Python 3.11 or newer is needed, this is {platform.python_version()}; set PYTHON=python3.12 make …",
            file=sys.stderr,
        )
        return 2
    install_system_packages(for_tests)
    return install_python_packages(["dev", "kitchen"] if for_tests else [])


def install_system_packages(for_tests: bool) -> None:
    if platform.system() != "Linux":
        return  # the wheels of Qt, PortAudio and FFmpeg are whole on macOS and Windows
    missing = [package for library, package in LIBRARIES.items() if ctypes.util.find_library(library) is None]
    if not has_fonts():
        missing.append("fonts-inter")
    if for_tests:
        missing += [package for program, package in TEST_PROGRAMS.items() if shutil.which(program) is None]
    if not missing:
        return
    apt = shutil.which("apt-get")
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    command = [*prefix, "apt-get", "install", "-y", "--no-install-recommends", *missing]
    allowed = apt and (
        not prefix
        or (shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0)
    )
    if not allowed:
        tool = "sudo apt-get install -y" if apt else "your package manager, to install what Debian calls"
        print(f"Some system libraries are missing. Run: {tool} {' '.join(missing)}", file=sys.stderr)
        return
    print(f"Installing system libraries: {' '.join(missing)}", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*prefix, "apt-get", "update", "-qq"], env=environment, stdout=subprocess.DEVNULL)
    if subprocess.run([*command, "-qq"], env=environment, stdout=subprocess.DEVNULL).returncode != 0:
        print(f"They could not be installed; run: {' '.join(command)}", file=sys.stderr)


def has_fonts() -> bool:
    folders = [
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        Path.home() / ".fonts",
        Path.home() / ".local/share/fonts",
    ]
    return any(next(folder.rglob("*.[to]tf"), None) for folder in folders if folder.is_dir())


def install_python_packages(extras: list[str]) -> int:
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        wanted.update((ROOT / name).read_bytes())
    stamps = {extra: VENV / f".installed-{extra}" for extra in ["app", *extras]}
    stale = [extra for extra, stamp in stamps.items() if not stamp.is_file() or stamp.read_text() != wanted.hexdigest()]
    if python.is_file() and not stale:
        return 0
    if not python.is_file():
        print("Making the virtual environment .venv", file=sys.stderr)
        if subprocess.run([sys.executable, "-m", "venv", str(VENV)]).returncode != 0:
            print("It could not be made; on Debian run: sudo apt-get install -y python3-venv", file=sys.stderr)
            return 2
    print("Installing the pinned packages (some minutes the first time)", file=sys.stderr)
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-c",
        str(ROOT / "constraints.txt"),
        "-e",
        target,
    ]
    if subprocess.run(pip).returncode != 0:
        print(
            "pip could not install the packages; its message above says why. Run make again when it is mended.",
            file=sys.stderr,
        )
        return 2
    for stamp in stamps.values():
        stamp.write_text(wanted.hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main())
