"""What it means when a GPU fails in the middle of a job, in one sentence. No torch: its errors are known by their names."""

from davenet.errors import one_line

_NAMES = frozenset({"AcceleratorError", "OutOfMemoryError"})  # torch's own, all of them RuntimeErrors
_SIGNS = ("CUDA error", "CUDA out of memory", "CUBLAS_STATUS", "CUDNN_STATUS", "cuDNN error", "HIP error", "NVML")


def gpu_fault(error: BaseException) -> str | None:
    """Returns what to tell of an error that a GPU raised, with its remedy; None for any other error."""
    text = str(error)
    if type(error).__name__ not in _NAMES and not any(sign in text for sign in _SIGNS):
        return None
    if type(error).__name__ == "OutOfMemoryError" or "out of memory" in text:
        return "The GPU has too little free memory for this job; close what else uses it, or choose the device cpu."
    first = one_line(ValueError(text.splitlines()[0] if text else "no reason given"))[:120].rstrip(". ;")
    return f"The GPU does not answer any more ({first}); start the job again, on the CPU where the GPU stays away."
