"""Cuts the bytes of a pipe or a growing file into whole lines: they come in pieces, split even inside a letter."""

MOST_BYTES = 16 << 20  # of a line: no event is nearly as long, but a job may print without end


class LineSplitter:
    """Keeps the unfinished end of what was fed until the rest of its line arrives."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> list[str]:
        """Returns the lines that this piece completes, in order; bytes that are no UTF-8 are replaced.

        A line beyond MOST_BYTES is cut into several, none of which is an event.
        """
        if b"\n" not in piece and len(self._rest) + len(piece) < MOST_BYTES:
            self._rest += piece
            return []
        *whole, rest = (bytes(self._rest) + piece).split(b"\n")
        if len(rest) >= MOST_BYTES:
            whole, rest = [*whole, rest], b""
        self._rest = bytearray(rest)
        return [line.rstrip(b"\r").decode("utf-8", errors="replace") for line in whole]

    def rest(self) -> str:
        """Returns what came after the last newline, and forgets it: a last line that its writer did not end."""
        rest, self._rest = self._rest, bytearray()
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
