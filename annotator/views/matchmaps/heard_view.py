"""The time axis and the words of the video shown: what is read of its sound, and which part of it is chosen."""

from PySide6.QtCore import QObject

from annotator.project import Project
from annotator.store.records import VideoRecord
from annotator.views.background import Background
from annotator.views.matchmaps import sources
from annotator.views.matchmaps.sound_choice import SoundChoice
from annotator.views.matchmaps.sources import Heard
from annotator.views.matchmaps.workspace import WINDOW_S, MatchmapsWorkspace
from annotator.views.widgets.time_axis import Bracket
from davenet.labels.words import Word

_BRACKET_STEP_S = 0.25  # each move paints the axis anew


class HeardView(QObject):
    """`show` takes up a video; `set_time` and `set_choice` follow what is played and chosen."""

    def __init__(
        self, workspace: MatchmapsWorkspace, project: Project, background: Background, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace, self._project, self._background = workspace, project, background
        self._video: VideoRecord | None = None
        self._heard: Heard | None = None
        self._choice = SoundChoice()
        self._time_s = 0.0
        self._lit: frozenset[int] = frozenset()
        self._bracket: Bracket | None = None

    @property
    def words(self) -> tuple[Word, ...]:
        return () if self._heard is None else self._heard.words

    def show(self, video: VideoRecord | None, time_s: float) -> None:
        self._video, self._heard, self._lit, self._bracket, self._time_s = video, None, frozenset(), None, time_s
        axis = self._workspace.axis
        axis.clear()
        self._workspace.panel.set_words((), missing="")
        if video is None:
            return
        axis.set_zoom_limits(0.0, video.duration_s)
        self.show_range()
        uid = video.uid
        self._background.run(
            lambda: sources.load_heard(self._project, video), lambda heard: self._put_heard(uid, heard)
        )

    def set_time(self, time_s: float) -> None:
        """Turns the page where now leaves the axis, and follows the words."""
        video, workspace, self._time_s = self._video, self._workspace, time_s
        if video is None:
            return
        if not workspace.whole.isChecked():
            shown = sources.following_range(time_s, workspace.axis.range(), video.duration_s, WINDOW_S)
            if shown is not None:
                workspace.set_range(*shown)
        workspace.set_time(time_s, video.duration_s)
        self._show_bracket()
        self._show_words()

    def set_choice(self, choice: SoundChoice) -> None:
        self._choice = choice
        axis = self._workspace.axis
        is_part = choice.kind == "span" and not choice.is_word
        axis.set_selection((choice.start_s, choice.end_s) if is_part else None)
        self._lit = frozenset((-1,))  # so that the words are lit anew
        self._show_bracket()
        self._show_words()

    def show_range(self) -> None:
        """Shows the whole video, or the window around now."""
        if self._video is None:
            return
        duration_s = max(self._video.duration_s, 0.05)
        if self._workspace.whole.isChecked():
            self._workspace.set_range(0.0, duration_s)
        else:
            span = min(WINDOW_S, duration_s)
            start = min(max(0.0, self._time_s - span / 2), duration_s - span)
            self._workspace.set_range(start, start + span)
        self._show_words()

    def word_now(self) -> int | None:
        """Returns the index of the word that is said now, else of the nearest one."""
        middles = [abs((word.start + word.end) / 2 - self._time_s) for word in self.words]
        return middles.index(min(middles)) if middles else None

    def word_beside(self, step: int) -> int | None:
        """Returns the index of the word after (1) or before (-1) the chosen one, or the one now."""
        if not self.words:
            return None
        now = self._choice.word if self._choice.is_word and self._choice.word is not None else None
        if now is None:
            return self.word_now()
        return min(max(0, now + step), len(self.words) - 1)

    def _put_heard(self, uid: str, heard: Heard) -> None:
        if self._video is None or self._video.uid != uid:
            return
        self._heard = heard
        axis = self._workspace.axis
        axis.set_waveform(heard.peaks, step_s=sources.PEAK_STEP_S)
        axis.set_spectrogram(heard.log_mel)
        axis.set_words(heard.words)
        self._lit = frozenset((-1,))
        self._show_words()

    def _span(self) -> tuple[float, float]:
        """Returns the seconds that are compared with the frame now."""
        choice = self._choice
        match choice.kind:
            case "span":
                return choice.start_s, choice.end_s
            case "moment":
                return self._time_s, self._time_s
            case _:
                at_s = round(self._time_s / _BRACKET_STEP_S) * _BRACKET_STEP_S
                return max(0.0, at_s - choice.segment_s / 2), at_s + choice.segment_s / 2

    def _show_bracket(self) -> None:
        choice, bracket = self._choice, None
        if self._video is not None and (choice.kind == "around" or choice.is_word):
            start, end = self._span()
            label = choice.text if choice.is_word else f"{choice.segment_s:g} s"
            bracket = Bracket(start, end, label)
        if bracket != self._bracket:
            self._bracket = bracket
            self._workspace.axis.set_brackets(() if bracket is None else (bracket,))

    def _show_words(self) -> None:
        heard, workspace, choice = self._heard, self._workspace, self._choice
        if heard is None:
            return
        span = self._span() if choice.kind in ("around", "moment") else (self._time_s, self._time_s)
        lit = frozenset(sources.words_around(heard.words, heard.foods, *span))
        if choice.is_word and choice.word is not None:
            lit = frozenset((choice.word,))
            span = (choice.start_s, choice.end_s)
        if lit != self._lit:
            self._lit = lit
            workspace.axis.set_words(heard.words, lit)
        here = sources.words_here(heard.words, heard.foods, workspace.axis.range(), span, self._time_s)
        workspace.panel.set_words(here, missing=heard.why_no_words)
