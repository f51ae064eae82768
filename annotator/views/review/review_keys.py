"""The keys of the Review workspace: which slot each action of the keymap has here, and which were used on a pair."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from annotator.store.records import PairRecord
from davenet.labels.food_words import food_nouns

if TYPE_CHECKING:
    from annotator.views.review.presenter import ReviewPresenter

Slot = Callable[[], object]
_WITHOUT_PAIR = frozenset(
    f"review.{name}"
    for name in ("undo", "redo", "gallery", "blind", "filter", "filters", "slower", "faster", "speed_1")
)


class ReviewKeys(QObject):
    """Binds the actions to the workspace and to its docks, which may float in windows of their own."""

    def __init__(self, review: "ReviewPresenter") -> None:
        super().__init__(review)
        self._review = review
        self._slots = self._make_slots()
        self._gallery_slots = self._make_gallery_slots()
        workspace, keys = review.workspace, review.workspace.keys
        slots = {action: self._counted(action, slot) for action, slot in self._slots.items()}
        for widget in (workspace, *workspace.docks.docks.values()):
            keys.bind(widget, slots, possible=self._is_possible)
            keys.bind_held(widget, "review.peek", self._peek, lambda: review.blind_view.peek(False))
        workspace.action_requested.connect(self._do)

    def _make_slots(self) -> dict[str, Slot]:
        review = self._review
        playback, overlay, giving = review.playback, review.overlay, review.giving
        slots: dict[str, Slot] = {
            "accept": lambda: giving.decide("accept"),
            "reject": lambda: giving.decide("reject"),
            "unsure": lambda: giving.decide("unsure"),
            "skip": lambda: giving.decide("skip"),
            "reject_reason": self._open_reasons,
            "correct": self._open_labels,
            "comment": self._open_comment,
            "flag": self._flag,
            "undo": giving.undo,
            "redo": giving.redo,
            "play": playback.toggle,
            "replay": playback.replay,
            "window": playback.toggle_window,
            "loop": playback.toggle_loop,
            "frame_back": lambda: playback.step(-1),
            "frame_on": lambda: playback.step(1),
            "back_1": lambda: playback.skip_by(-1.0),
            "on_1": lambda: playback.skip_by(1.0),
            "back_5": lambda: playback.skip_by(-5.0),
            "on_5": lambda: playback.skip_by(5.0),
            "slower": lambda: playback.change_speed(-1),
            "faster": lambda: playback.change_speed(1),
            "speed_1": lambda: playback.change_speed(0),
            "nudge_back": lambda: playback.nudge(-1),
            "nudge_on": lambda: playback.nudge(1),
            "overlay": overlay.toggle,
            "alpha_down": lambda: self._say_of_overlay(overlay.change_alpha(-1)),
            "alpha_up": lambda: self._say_of_overlay(overlay.change_alpha(1)),
            "colours": lambda: self._say_of_overlay(overlay.next_colours()),
            "crop": review.workspace.toggle_crop,
            "next": lambda: giving.go(1),
            "previous": lambda: giving.go(-1),
            "blind": lambda: review.set_blind(not review.blind.is_on),
            "filter": review.workspace.go_to_filter,
            "filters": review.workspace.toggle_filters,
            "gallery": review.toggle_gallery,
            "undo_batch": lambda: None,  # of the gallery alone
        }
        return {f"review.{name}": slot for name, slot in slots.items()}

    def _make_gallery_slots(self) -> dict[str, Slot]:
        """What keys do while the gallery is shown; others do nothing there."""
        review, gallery = self._review, self._review.gallery
        slots: dict[str, Slot] = {
            "accept": lambda: gallery.decide("accept"),
            "reject": lambda: gallery.decide("reject"),
            "unsure": lambda: gallery.decide("unsure"),
            "skip": lambda: gallery.decide("skip"),
            "reject_reason": review.workspace.open_reasons,
            "undo": gallery.undo,
            "redo": gallery.redo,
            "undo_batch": gallery.undo_batch,
            "replay": gallery.hear_current,
            "gallery": review.toggle_gallery,
            "filter": review.workspace.go_to_filter,
            "filters": review.workspace.toggle_filters,
        }
        return {f"review.{name}": slot for name, slot in slots.items()}

    def _counted(self, action: str, slot: Slot) -> Slot:
        """Notes the key before it does anything: a verdict is kept with the key that gave it."""

        def pressed() -> None:
            self._review.attention.press(action.partition(".")[2])
            chosen = self._gallery_slots[action] if self._review.gallery.is_open else slot
            chosen()

        return pressed

    def _do(self, action: str) -> None:
        self._review.attention.touch()
        self._slots[action]()

    def _is_possible(self, action: str) -> bool:
        if self._review.gallery.is_open:
            return action in self._gallery_slots
        return action in _WITHOUT_PAIR or (self._review.current is not None and action != "review.undo_batch")

    def _peek(self) -> None:
        self._review.attention.press("peek")
        self._review.blind_view.peek(True)

    # -- what opens a card -----------------------------------------------------------------------------------------

    def _pair(self) -> PairRecord | None:
        """The pair to write on; None, and the reason is said, where nothing can be written."""
        reason = self._review.giving.why_not()
        if reason:
            self._review.say(reason)
            return None
        return self._review.current

    def _open_reasons(self) -> None:
        if self._pair() is not None:
            self._review.workspace.open_reasons()

    def _open_comment(self) -> None:
        if self._pair() is not None:
            self._review.workspace.open_comment()

    def _flag(self) -> None:
        if self._pair() is not None:
            self._review.remarks.toggle_flag()
        else:
            self._review.workspace.controls.set_flagged(False)

    def _open_labels(self) -> None:
        pair = self._pair()
        if pair is None:
            return
        review, store, reviewer = self._review, self._review.project.store, self._review.queue.reviewer

        def take(classes: list[str]) -> None:
            review.workspace.labels.set_words(classes, food_nouns())
            if review.current is not None and review.current.uid == pair.uid:
                review.workspace.open_labels(pair.label.class_name if pair.label else "")

        review.background.run(
            lambda: [name for name, _count in store.filter_facets(reviewer).classes if name],
            take,
            review.say_error,
            priority=4,
        )

    def _say_of_overlay(self, sentence: str) -> None:
        if self._review.overlay.is_available:
            self._review.say(sentence, seconds=1.5)
