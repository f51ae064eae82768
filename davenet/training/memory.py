"""How much memory this process has held at most: its own and the graphics card's."""

import sys

import torch


def held(device: torch.device) -> dict[str, float]:
    """Returns "memory_bytes" where the system tells it, and "gpu_bytes" on a graphics card."""
    found = {}
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        found["memory_bytes"] = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
    if device.type == "cuda":
        found["gpu_bytes"] = float(torch.cuda.max_memory_allocated(device))
    return found
