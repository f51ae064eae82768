"""The sound device, through PortAudio, which is one for the whole process: streams, and looking for devices anew.

PortAudio lists the devices once, when it begins; to see one that came later it must end and begin again, which would
end every stream: so that is done only while no player has one open. Called from the players' sound threads.
"""

import threading
from collections.abc import Callable
from typing import Any

_lock = threading.Lock()
_open: set[int] = set()  # the streams, by id


def open_stream(streams: Any, **options: Any) -> Any:
    """Returns a started output stream; raises what sounddevice raises (OSError, PortAudioError, ValueError)."""
    with _lock:
        stream = streams.OutputStream(**options)
        try:
            stream.start()
        except BaseException:
            stream.close(ignore_errors=True)
            raise
        _open.add(id(stream))
        return stream


def close_stream(stream: Any) -> None:
    with _lock:
        _open.discard(id(stream))
        stream.close(ignore_errors=True)


def look_again(streams: Any) -> bool:
    """Lets PortAudio list the devices anew; False where a stream is open and it cannot."""
    begin: Callable[[], None] | None = getattr(streams, "_initialize", None)
    end: Callable[[], None] | None = getattr(streams, "_terminate", None)
    with _lock:
        if _open or begin is None or end is None:
            return False
        end()
        begin()
        return True


def sounddevice() -> Any:
    """Imports sounddevice: raises OSError without PortAudio, ImportError without the package."""
    import sounddevice

    return sounddevice
