"""How fast a run goes, and how much of its time the loop waits for the loader: on a GPU it must be next to nothing."""

import time


class Pace:
    """Counts pairs, seconds and waiting of the steps alone: saving and measuring are not in it."""

    def __init__(self, *, trained_s: float = 0.0, waited_s: float = 0.0) -> None:
        self.trained_s, self.waited_s = trained_s, waited_s  # of the whole run
        self._began_s = self._loader_s = 0.0
        self._seen: list[tuple[float, float, int]] = []  # since the last look: seconds, waiting and pairs of each step
        self.values: dict[str, float] = {}  # pairs a second and share of waiting, as the last look saw them

    def begin(self, loader_waited_s: float = 0.0) -> None:
        """Starts the clock again; `loader_waited_s` is what its loader has waited before."""
        self._began_s, self._loader_s = time.monotonic(), loader_waited_s

    def advance(self, n_pairs: int, loader_waited_s: float) -> None:
        """Notes a step that is done."""
        now = time.monotonic()
        step_s, waited_s = now - self._began_s, loader_waited_s - self._loader_s
        self.trained_s += step_s
        self.waited_s += waited_s
        self._seen.append((step_s, waited_s, n_pairs))
        self.begin(loader_waited_s)

    def look(self) -> None:
        """Sums up the steps since the last look."""
        seconds, waited_s, n_pairs = (sum(column) for column in zip(*self._seen, strict=True))
        self._seen.clear()
        if seconds > 0:
            self.values = {"pairs_per_s": n_pairs / seconds, "waiting_share": waited_s / seconds}
