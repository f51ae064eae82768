"""What a run was made with: packages, machine, device, and the state of the checkout, as its folder keeps them."""

import os
import platform
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch

_CHECKOUT = Path(__file__).resolve().parents[2]
_GIT_S = 10.0


def environment(device: torch.device, n_processes: int) -> dict[str, Any]:
    """Returns JSON values that tell one machine and installation from another."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "command": sys.argv,
        "torch": {"version": torch.__version__, "cuda": torch.version.cuda, "threads": torch.get_num_threads()},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or str(device),
        "cores": os.cpu_count(),
        "processes": n_processes,
        "packages": dict(sorted({each.name: each.version for each in distributions()}.items())),
        "git": git_state(_CHECKOUT),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Returns commit and whether files differ from it; None where the code does not run from a checkout of its own."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=_GIT_S
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != folder.resolve():
            return None  # installed somewhere inside of another project
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
