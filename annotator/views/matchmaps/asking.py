"""Which sound each frame is compared with, as the person says it: modes, words, parts, and questions typed or spoken."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from annotator.store.records import VideoRecord
from annotator.views.background import Background
from annotator.views.matchmaps.heard_view import HeardView
from annotator.views.matchmaps.playing import Playing
from annotator.views.matchmaps.query_sound import RECORDED_S, Query, record, say
from annotator.views.matchmaps.sound_choice import SoundChoice
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from davenet.errors import UserError

_SHORTEST_S = 0.1


class Asking(QObject):
    """Holds the SoundChoice; `chosen` carries each new one."""

    chosen = Signal(object)

    def __init__(
        self,
        workspace: MatchmapsWorkspace,
        playing: Playing,
        heard: HeardView,
        queries: Path,
        background: Background,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.choice = SoundChoice()
        self._workspace, self._playing, self._heard = workspace, playing, heard
        self._queries, self._background = queries, background
        self._from_s: float | None = None

    def set_video(self, video: VideoRecord) -> None:
        """Lets go of a part of another video's sound."""
        self._from_s = None
        self._choose(self.choice.for_video(video.uid))

    def ask_mode(self, name: str) -> None:
        """Takes a mode's pill or key: "around", "moment", "word", "span" or "ask"."""
        match name:
            case "around" | "moment":
                self._choose(self.choice.with_kind("around" if name == "around" else "moment"))
            case "word":
                index = self._heard.word_now()
                if index is None:
                    self._tell("No words of this video are recognised yet: transcribe it in Data.")
                else:
                    self._take_word(index)
            case "span":
                begins, ends = (self._workspace.keys.text(f"matchmaps.span_{end}") for end in ("from", "to"))
                keyed = f", or mark where it begins ({begins}) and ends ({ends})" if begins and ends else ""
                self._tell(f"Drag over the time axis with Shift to choose a part of the sound{keyed}.")
            case _:
                self._workspace.panel.question.field.setFocus()

    def press_word(self, index: int) -> None:
        """Takes a word that was pressed; pressed again, it is let go."""
        if self.choice.is_word and self.choice.word == index:
            self.ask_mode("around")
        else:
            self._take_word(index)

    def move_word(self, step: int) -> None:
        index = self._heard.word_beside(step)
        if index is not None:
            self._take_word(index)

    def take_part(self, start_s: float, end_s: float) -> None:
        video = self._playing.video
        if video is not None and end_s - start_s >= _SHORTEST_S:
            self._choose(self.choice.with_span(video.uid, start_s, end_s))

    def mark(self, which: str) -> None:
        """A part begins ("from") or ends ("to") now; whichever comes second chooses it."""
        now_s = self._playing.time_s
        if which == "from":
            self._from_s = now_s
            self._tell("The part begins here; go to its end and mark it.")
        elif self._from_s is None:
            self._tell("Mark where the part begins first.")
        else:
            self.take_part(min(self._from_s, now_s), max(self._from_s, now_s))

    def set_seconds(self, seconds: float) -> None:
        self._choose(replace(self.choice.with_kind("around"), segment_s=seconds))

    def toggle_reduction(self) -> None:
        self._choose(replace(self.choice, reduction="mean" if self.choice.reduction == "max" else "max"))

    def set_fit(self, is_whole: bool) -> None:
        self._choose(replace(self.choice, fit="whole" if is_whole else "crop"))

    def ask(self, text: str) -> None:
        """Has the machine say a typed word, and looks for that."""
        self._look_for(lambda: say(text, self._queries), f"Saying “{text}”…")

    def listen(self) -> None:
        """Records what the microphone hears, and looks for that."""
        self._playing.player.pause()  # it would hear the video
        self._look_for(lambda: record(self._queries), f"Listening for {RECORDED_S:g} seconds: say a word…")

    def _look_for(self, make: Callable[[], Query], doing: str) -> None:
        question = self._workspace.panel.question
        question.tell(doing, is_busy=True)

        def made(query: Query) -> None:
            question.tell("")
            self._choose(self.choice.with_query(query.text, str(query.path), query.content))
            if question.field.hasFocus():
                self._workspace.setFocus()

        def failed(error: UserError) -> None:
            question.tell(str(error), is_error=True)

        self._background.run(make, made, failed)

    def _take_word(self, index: int) -> None:
        video, words = self._playing.video, self._heard.words
        if video is not None and 0 <= index < len(words):
            word = words[index]
            end_s = max(word.end, word.start + _SHORTEST_S)
            self._choose(self.choice.with_span(video.uid, word.start, end_s, word=index, text=word.word))

    def _choose(self, choice: SoundChoice) -> None:
        self.choice = choice
        self.chosen.emit(choice)

    def _tell(self, sentence: str) -> None:
        self._workspace.notice.show_notice(sentence, "info", seconds=6)
