"""Which runs are compared, and what comes of it: the comparison page, Table 3, and what a dataset's verdicts bought."""

from PySide6.QtCore import QObject, Signal

from annotator import results
from annotator.project import Project
from annotator.results import Bought
from annotator.store.records import RunRecord
from annotator.verbs.training import OF_RUN
from annotator.views.runs import values
from annotator.views.runs.comparison_page import ComparedRun, Comparison
from annotator.views.runs.workspace import RunsWorkspace
from annotator.views.work import Work
from davenet.errors import UserError

TOKENS = ("accent", "info", "muted", "accept", "unsure", "reject", "text")  # the accent is the chosen run's
MOST_NAMED = 36  # letters of a run's name in a sentence
NEWEST = 3  # runs that are put together where none was chosen
MOST_BESIDE = 2  # newest other runs that are drawn where none was chosen to compare


class Comparing(QObject):
    evaluation_wished = Signal(str, str)  # a run's id, the gallery
    review_requested = Signal(str, list)
    changed = Signal()  # which runs are compared, by something else than `toggle`
    run_wished = Signal(str)  # the preset of a row of Table 3 that has no run

    def __init__(self, view: RunsWorkspace, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view, self._work = view, work
        self._runs: list[RunRecord] = []
        self._compared: list[str] = []
        self._bought: Bought | None = None
        self._bought_for: tuple[str, object] | None = None
        self._shown: object = None
        view.page_shown.connect(lambda _name: self._show_page())
        view.comparison.measure_requested.connect(self._measure_all)
        view.comparison.newest_requested.connect(self._compare_newest)
        view.bought.measure_requested.connect(self._measure_bought)
        view.bought.review_requested.connect(self.review_requested)
        view.table3.measure_requested.connect(lambda run_id: self.evaluation_wished.emit(run_id, "verified"))
        view.table3.run_wished.connect(self.run_wished)

    def set_runs(self, runs: list[RunRecord]) -> None:
        self._runs = runs
        ids = {run.id for run in runs}
        self._compared = [run_id for run_id in self._compared if run_id in ids]
        self._shown = self._bought_for = None
        self._view.comparison.set_comparable(sum(bool(results.results_of(run)) for run in runs))
        self._show_page()

    def toggle(self, run_id: str) -> None:
        """Puts a run into the comparison or takes it out."""
        if run_id in self._compared:
            self._compared.remove(run_id)
        else:
            self._compared.append(run_id)
        self._shown = None
        self._show_page()

    def _compare_newest(self) -> None:
        self._compared = [run.id for run in self._runs if results.results_of(run)][:NEWEST]
        self._shown = None
        self._show_page()
        self.changed.emit()

    def has(self, run_id: str) -> bool:
        return run_id in self._compared

    def forget(self, run_id: str) -> None:
        if run_id in self._compared:
            self.toggle(run_id)

    def drawn(self, chosen: str | None) -> dict[str, str]:
        """Returns the runs whose curves are drawn, with their tokens: the chosen one, and those compared or the newest."""
        if chosen is None:
            return {}
        others = [run_id for run_id in self._compared if run_id != chosen]
        if not others:
            others = [run.id for run in self._runs if run.id != chosen and run.result][:MOST_BESIDE]
        tokens = [TOKENS[1 + place % (len(TOKENS) - 1)] for place in range(len(others))]
        return {chosen: TOKENS[0], **dict(zip(others, tokens, strict=True))}

    def show(self, chosen: RunRecord | None) -> None:
        """Shows what the chosen run's dataset bought, where it has a predecessor; looked up once."""
        key = None if chosen is None else (chosen.id, chosen.result)
        if key == self._bought_for:
            return
        self._bought_for = key
        if chosen is None:
            self._take_bought(key, None)
            return
        runs = list(self._runs)
        self._work.background.run(
            lambda: results.bought(self._work.project, chosen, runs),
            lambda found: self._take_bought(key, found),
            lambda _error: self._take_bought(key, None),
        )

    def _take_bought(self, key: object, found: Bought | None) -> None:
        if key == self._bought_for:
            self._bought = found
            self._view.bought.set_bought(found)

    def _measure_bought(self) -> None:
        if self._bought is not None:
            for run_id, gallery in self._bought.missing:
                self.evaluation_wished.emit(run_id, gallery)

    def _show_page(self) -> None:
        self._view.set_compared(len(self._compared))
        page = self._view.page()
        key = page, tuple(self._compared)
        if key == self._shown:
            return
        self._shown = key
        if page == "table3":
            self._view.table3.set_rows(*results.table3(self._runs))
        elif page == "comparison":
            chosen = [run for name in self._compared for run in self._runs if run.id == name]
            self._work.background.run(
                lambda: comparison_of(self._work.project, chosen), lambda found: self._take_comparison(key, found)
            )

    def _take_comparison(self, key: object, found: Comparison) -> None:
        if key is self._shown:  # the newest question's: an earlier answer can come later
            self._view.comparison.set_comparison(found)

    def _measure_all(self) -> None:
        if self._compared:
            chosen = [run for name in self._compared for run in self._runs if run.id == name]
            shared = results.common_gallery(chosen)
            first = next((run.id for run in chosen if results.result_on(run, shared)), self._compared[0])
            for run_id in self._compared:
                gallery = "validation" if run_id == first else f"{OF_RUN}{first}"
                self.evaluation_wished.emit(run_id, gallery)


def comparison_of(project: Project, runs: list[RunRecord]) -> Comparison:
    """Returns the runs side by side on the gallery they share; one that was measured on another is greyed and says so."""
    if not runs:
        return Comparison("", (), ())
    shared = results.common_gallery(runs)
    measured = [(run, result) for run in runs if (result := results.result_on(run, shared)) is not None]
    base, first = measured[0] if measured else (None, None)
    compared, n_missing = [], 0
    for place, run in enumerate(runs):
        result = results.result_on(run, shared)
        name, token = values.label_of(run), TOKENS[place % len(TOKENS)]
        if result is None or base is None or first is None:
            n_missing += 1
            own = next(iter(results.results_of(run)), None)
            note = "not measured yet" if own is None else f"gallery {own.gallery_hash[:8]}: does not compare"
            compared.append(ComparedRun(run.id, name, token, *_texts(own), "–", None, note))
            continue
        difference, is_better, note = "", None, "the others are measured against it" if run is base else ""
        if run is not base:
            try:
                one = results.ranks_of(project, run.id, result.gallery)
                other = results.ranks_of(project, base.id, first.gallery)
                share = results.difference(one, other).share
                low, high = share.interval_95
                difference = f"{100 * share.value:+.1f} ({100 * low:.1f} to {100 * high:.1f})".replace("-", "−")
                is_better = True if low > 0 else False if high < 0 else None
            except UserError:
                n_missing += 1
                difference = "not measured pair by pair"
        compared.append(ComparedRun(run.id, name, token, *_texts(result), difference, is_better, note))
    few = f", {results.TELLS_NOTHING}" if first is not None and first.size <= results.K else ""
    size = f"{values.number_text(first.size)} pairs{few}" if first is not None else ""
    gallery = f"on gallery {first.gallery_hash[:8]}, {size}" if first is not None else "on no gallery yet"
    against = "" if base is None else values.label_of(base)
    against = against if len(against) <= MOST_NAMED else f"{against[:MOST_NAMED]}…"
    return Comparison(gallery, tuple(compared), tuple(results.differing_values(runs)), n_missing, against)


def _texts(result: results.Result | None) -> tuple[str, str]:
    if result is None:
        return "–", "–"
    return (
        values.interval_text(result.audio, result.audio_interval),
        values.interval_text(result.visual, result.visual_interval),
    )
