"""How much memory this process has held at most, its own and the graphics card's, and how busy the card is."""

import sys
from contextlib import suppress

import torch


def held(device: torch.device) -> dict[str, float]:
    """Returns "memory_bytes" where the system tells it, and of a graphics card what `of_card` does."""
    found = {}
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        found["memory_bytes"] = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
    if device.type == "cuda":
        found |= of_card(device)
    return found


def of_card(device: torch.device) -> dict[str, float]:
    """Returns "gpu_bytes" held at most, "gpu_total_bytes", and "gpu_busy" in 0..1 where NVML tells it (nvidia-ml-py)."""
    found = {
        "gpu_bytes": float(torch.cuda.max_memory_allocated(device)),
        "gpu_total_bytes": float(torch.cuda.get_device_properties(device).total_memory),
    }
    try:
        from pynvml import NVMLError  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return found
    with suppress(NVMLError, RuntimeError, OSError):  # an old driver, or a card that is shared out and tells nobody
        found["gpu_busy"] = torch.cuda.utilization(device) / 100
    return found
