"""Cuts the bytes of a pipe or a growing file into whole lines: they come in pieces, split even inside a letter."""


class LineSplitter:
    """Keeps the unfinished end of what was fed until the rest of its line arrives."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[str]:
        """Returns the lines that this piece completes, in order; bytes that are no UTF-8 are replaced."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        return [line.rstrip(b"\r").decode("utf-8", errors="replace") for line in whole]

    def rest(self) -> str:
        """Returns what came after the last newline, and forgets it: a last line that its writer did not end."""
        rest, self._rest = self._rest, b""
        return rest.decode("utf-8", errors="replace")


class LastLines:
    """The last few lines of a job's standard error: what is shown when it crashed."""

    def __init__(self, limit_bytes: int = 8192) -> None:
        self._limit = limit_bytes
        self._kept = b""

    def feed(self, piece: bytes) -> None:
        self._kept = (self._kept + piece)[-self._limit :]

    def text(self) -> str:
        return self._kept.decode("utf-8", errors="replace").strip()
