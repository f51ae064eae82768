"""A desk to work at: an X server without a screen, a sound server with a null sink, and hands on the keyboard.

Keys go through the X server (XTest), so that what is measured is what a person's own keys go through.
"""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.figures import Skip

SIZE = (1440, 900)


@contextmanager
def desk(size: tuple[int, int] = SIZE) -> Iterator[dict[str, str]]:
    """Yields the environment in which a program opens its window and plays its sound here.

    Raises Skip where Xvfb or xdotool are missing; without PulseAudio the program finds no sound device.
    """
    missing = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
    if missing:
        raise Skip(f"{' and '.join(missing)} not found (Debian: sudo apt install xvfb xdotool)")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-")))
        environment = {**os.environ, "DISPLAY": _display(stack, size), "QT_QPA_PLATFORM": "xcb"}
        environment |= {"ANNOTATOR_CONFIG_DIR": str(folder / "config"), "PYTHONUTF8": "1"}
        environment.pop("WAYLAND_DISPLAY", None)
        environment |= _sound(stack, folder)
        yield environment


def _display(stack: ExitStack, size: tuple[int, int]) -> str:
    reading, writing = os.pipe()
    screen = f"{size[0]}x{size[1]}x24"
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", screen, "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(_end, server)
    os.close(writing)
    with os.fdopen(reading) as answer:
        number = answer.readline().strip()
    if not number:
        raise Skip("Xvfb did not start")
    return f":{number}"


def _sound(stack: ExitStack, folder: Path) -> dict[str, str]:
    if shutil.which("pulseaudio") is None:
        return {}
    runtime = folder / "pulse"
    runtime.mkdir(mode=0o700)
    socket = runtime / "native"
    environment = {
        **os.environ,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(runtime),
        "PULSE_RUNTIME_PATH": str(runtime),
    }
    command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]
    command += [
        "-L",
        "module-null-sink sink_name=null rate=48000",
        "-L",
        f"module-native-protocol-unix socket={socket} auth-anonymous=1",
    ]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(_end, server)
    for _ in range(100):
        if socket.exists():
            break
        time.sleep(0.05)
    else:
        return {}
    server_at = f"unix:{socket}"
    if shutil.which("parec"):  # a null sink that nobody listens to stalls after its first underrun
        listener = ["parec", f"--server={server_at}", "--device=null.monitor", "--format=s16le"]
        heard = subprocess.Popen(listener, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(_end, heard)
    alsa = folder / "asound.conf"  # PortAudio speaks to PulseAudio through ALSA
    alsa.write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n", encoding="utf-8")
    return {"PULSE_SERVER": server_at, "ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{alsa}"}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Hands:
    """Presses keys on the display of this process; `press` returns at once with the moment (perf_counter) it was sent."""

    def __init__(self) -> None:
        self._tool = subprocess.Popen(["xdotool", "-"], stdin=subprocess.PIPE, text=True, bufsize=1)
        self._lock = threading.Lock()

    def press(self, key: str) -> float:
        """`key` is an X key name, with modifiers as in `ctrl+z`."""
        assert self._tool.stdin is not None
        with self._lock:
            at = time.perf_counter()
            self._tool.stdin.write(f"key --delay 0 {key}\n")
            self._tool.stdin.flush()
        return at

    def close(self) -> None:
        assert self._tool.stdin is not None
        self._tool.stdin.close()
        self._tool.wait(5)
