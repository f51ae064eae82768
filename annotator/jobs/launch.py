"""What it takes to start ``python -m davenet VERB`` as a child: its files, its arguments and its surroundings."""

import os
import subprocess
import sys
from pathlib import Path

from annotator.jobs import tail
from annotator.jobs.groups import CREATION_FLAGS
from davenet import specs
from davenet.files import write_text_atomically

PRIORITY = ("--background",)  # the window stays smooth on a machine that its jobs fill; tests want none of it
_CODE_FOLDER = Path(__file__).resolve().parents[2]  # where the packages lie, installed or not


def verb_of(spec: specs.Spec) -> str:
    return str(getattr(spec, "verb"))  # noqa: B009  (every spec has one; the base class can't say so)


def write_spec(spec: specs.Spec, folder: Path) -> Path:
    """Writes the job's spec into its folder and returns the file; raises UserError where it can't be written."""
    path = folder / tail.SPEC_FILE
    write_text_atomically(path, spec.model_dump_json(indent=1))
    return path


def attached_arguments(verb: str, spec_file: Path) -> list[str]:
    """Returns the arguments of a job that ends with the window: events on its output, 'cancel' on its input."""
    return ["-m", "davenet", verb, "--spec", str(spec_file), "--watch-stdin", *PRIORITY]


def detached_arguments(verb: str, spec_file: Path, folder: Path) -> list[str]:
    """Returns the arguments of a job that outlives the window: everything goes through files in its folder."""
    return [
        "-m", "davenet", verb,
        "--spec", str(spec_file),
        "--events", str(folder / tail.EVENTS_FILE),
        "--heartbeat", str(folder / tail.HEARTBEAT_FILE),
        "--cancel-file", str(folder / tail.CANCEL_FILE),
        *PRIORITY,
    ]  # fmt: skip


def surroundings() -> dict[str, str]:
    """Returns what a child's environment has besides ours: it finds our code, speaks UTF-8 and reports a fault."""
    paths = [str(_CODE_FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1", "PYTHONFAULTHANDLER": "1"}


def interpreter() -> str:
    """Returns the Python to run jobs with; under Windows' windowless Python the console one, which has output."""
    python = Path(sys.executable)
    console = python.with_name("python.exe")
    return str(console) if python.name.lower() == "pythonw.exe" and console.exists() else str(python)


def start_detached(arguments: list[str], errors_file: Path) -> subprocess.Popen[bytes]:
    """Starts Python in a session of its own, so that neither our end nor a Ctrl+C in our terminal reaches it.

    Raises OSError where the program can't be started or the file for its standard error can't be written.
    """
    with open(errors_file, "wb") as errors:
        return subprocess.Popen(
            [interpreter(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, **surroundings()},
            start_new_session=CREATION_FLAGS == 0,
            creationflags=CREATION_FLAGS,
        )
