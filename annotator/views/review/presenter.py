"""Runs the Review workspace: shows a pair with all that is known of it, and wires queue, playback, verdicts and keys.

Each of these has a presenter of its own; here is what they have in common, the pair on screen.
"""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import PairRecord, PairState, QueueCounts, QueueOrder, VerdictRecord, VideoRecord
from annotator.views.background import Background
from annotator.views.review.attention import Attention
from annotator.views.review.blind import Blind
from annotator.views.review.blind_view import BlindView
from annotator.views.review.frame_first import FrameFirst
from annotator.views.review.gallery_presenter import GalleryPresenter
from annotator.views.review.overlay_view import OverlayView
from annotator.views.review.pair_people import PairPeople
from annotator.views.review.pair_playback import PairPlayback
from annotator.views.review.pair_reading import PairReading
from annotator.views.review.pair_remarks import PairRemarks
from annotator.views.review.pair_view import PairView
from annotator.views.review.places import keep_place, place_to_show
from annotator.views.review.presence import Presence
from annotator.views.review.progress import pace_of
from annotator.views.review.question_panel import VerdictLine
from annotator.views.review.queue_emptiness import emptiness
from annotator.views.review.queue_presenter import QueuePresenter
from annotator.views.review.review_keys import ReviewKeys
from annotator.views.review.verdict_giving import VerdictGiving
from annotator.views.review.verdict_writing import Attempt, VerdictWriter
from annotator.views.review.workspace import ReviewWorkspace
from davenet.errors import UserError, one_line

_PREFETCHED = 3  # pairs whose frames and sound are decoded ahead
_TRIED = {"accept": "Accepting", "reject": "Rejecting", "unsure": "Unsure", "skip": "Skipping"}


class ReviewPresenter(QObject):
    """`verdict_given` follows every change of verdicts; the requests ask the window for another workspace."""

    verdict_given = Signal()
    data_requested = Signal()
    runs_requested = Signal()
    reviewers_requested = Signal()
    relink_requested = Signal()  # a video is not where it was

    def __init__(
        self, workspace: ReviewWorkspace, project: Project, player: Player, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.workspace, self.project, self.player = workspace, project, player
        self.options = workspace.options
        self.background = Background(self)
        self.placing = Background(self, n_threads=1)  # of its own: the place must not wait behind decoding
        self.queue = QueuePresenter(workspace.queue, project, self.background, self)
        self.writer = VerdictWriter(project.store, self)
        self.attention, self.blind = Attention(), Blind()
        self.overlay = OverlayView(workspace.stage, workspace.controls, self.options, self)
        self.playback = PairPlayback(workspace, player, self.overlay, self)
        self.playback.proxy_of = project.proxy_path
        self.reading = PairReading(project, self.background, self)
        self.view = PairView(workspace, self.reading, self.playback, self.overlay, self)
        self.blind_view = BlindView(self.blind, self.overlay, workspace, self)
        self.people = PairPeople(workspace.question, workspace.adjudication, project, self.background, self)
        self.remarks = PairRemarks(project.store, self.queue, self.writer, workspace.controls, self)
        self.giving = VerdictGiving(
            self.queue, self.writer, self.playback, self.attention, self.blind, self.options, self
        )
        self.gallery = GalleryPresenter(workspace.gallery, self.queue, project, player, self)
        self.giving.why_not = lambda: project.read_only_reason if project.is_read_only else ""
        self.keys = ReviewKeys(self)
        self.frame_first = FrameFirst(workspace.stage, (workspace.axis, workspace.question, workspace.queue), self)
        self._current: PairRecord | None = None
        self._is_active = False
        self._is_stale = True
        self._is_opening = True  # until the first pair shows: where the reviewer was before
        self._shown_to = ""  # the reviewer whom the pair was shown to
        self._trouble = ""  # what is said of something that could not be written or read: what is kept next ends it
        self._presence = Presence(self.attention, self)
        workspace.question.reviewer.set_name(self.queue.reviewer)
        self._connect()
        self.set_blind(bool(project.store.review_settings().blind))

    def _connect(self) -> None:
        workspace, queue, giving = self.workspace, self.queue, self.giving
        workspace.decided.connect(giving.decide)
        workspace.reason_chosen.connect(lambda reason: self.decide("reject", reason=reason))
        workspace.label_chosen.connect(lambda label: giving.decide("accept", label=label))
        workspace.commented.connect(self.remarks.comment)
        workspace.empty_action_requested.connect(self._leave_emptiness)
        workspace.axis.seek_requested.connect(self.playback.seek)
        workspace.axis.part_selected.connect(self.playback.loop_part)
        workspace.question.pair_chosen.connect(self.show_pair)
        workspace.question.word_chosen.connect(self.playback.hear)
        workspace.question.reviewer_changed.connect(self.set_reviewer)
        workspace.question.reviewers_requested.connect(self.reviewers_requested)
        queue.pair_wanted.connect(self.show_pair)
        queue.emptied.connect(self._show_nothing)
        queue.emptiness_left.connect(self._leave_emptiness)
        queue.numbers_changed.connect(self._show_numbers)
        queue.failed.connect(self.say_error)
        queue.said.connect(self.say)
        giving.given.connect(self._take_given)
        giving.stood.connect(self._stand)
        giving.revealed.connect(self.blind_view.reveal)
        giving.failed.connect(self._say_not_kept)
        giving.said.connect(self.say)
        giving.step_failed.connect(self.say_error)
        self.gallery.left.connect(self._leave_gallery)
        self.gallery.given.connect(self._take_given)
        self.gallery.failed.connect(self.say_error)
        self.gallery.said.connect(self.say)
        self.gallery.looked_at.connect(self._tell_of)
        self.writer.slow.connect(workspace.verdicts.set_saving)
        self.remarks.changed.connect(self._take_flag)
        self.remarks.commented.connect(self._take_comment)
        self.playback.failed.connect(self._say_not_playing)
        workspace.notice.action_requested.connect(self.relink_requested)
        self.playback.began.connect(self.attention.play)
        self.playback.playing_changed.connect(self.attention.set_playing)
        self.reading.failed.connect(self.say_error)
        self.people.failed.connect(self.say_error)

    # -- what others ask -------------------------------------------------------------------------------------------

    @property
    def current(self) -> PairRecord | None:
        return self._current

    @property
    def counts(self) -> QueueCounts:
        return self.queue.counts

    def is_idle(self) -> bool:
        """Tells whether nothing is being read or written, and all may be seen."""
        workers = (self.background, self.placing, self.writer, self.gallery)
        return all(worker.is_idle() for worker in workers) and self.frame_first.is_over()

    def activate(self) -> None:
        """The workspace is shown: loads the queue, again where it may have changed meanwhile."""
        self._is_active = True
        self.playback.set_active(not self.gallery.is_open)
        self.attention.come_back()
        self._presence.start()
        if self._is_stale:
            self.refresh()

    def deactivate(self) -> None:
        """Another workspace is shown."""
        self._is_active = False
        self.playback.set_active(False)
        self.attention.leave()
        self.gallery.rest()
        self._presence.stop()

    def invalidate(self) -> None:
        """Pairs were mined or imported, or clips extracted: what is shown is read again, now or when next shown."""
        self._is_stale = True
        if self._is_active:
            self.refresh()

    def shutdown(self) -> None:
        self._presence.stop()
        self.playback.set_active(False)
        self.writer.shutdown()
        self.gallery.shutdown()
        self.queue.shutdown()
        self.background.shutdown()
        self.placing.shutdown()

    def refresh(self, show: str | None = None) -> None:
        """Loads the queue in the background and shows a pair: this one, else the current, else where it was left."""
        self._is_stale = False
        self.reading.forget()
        wanted = show or (self._current.uid if self._current else None)
        if wanted is not None or not self._is_opening:
            self.queue.refresh(wanted)
            return
        store, path, reviewer = self.project.store, self.project.path, self.queue.reviewer
        self.background.run(
            lambda: place_to_show(store, path, reviewer), self.queue.refresh, self.say_error, priority=2
        )

    def set_state(self, state: PairState) -> None:
        self.queue.set_state(state)

    def set_order(self, order: QueueOrder) -> None:
        self.queue.set_order(order)

    def set_reviewer(self, name: str) -> None:
        """Whose queue and verdicts these are from now on."""
        try:
            self.queue.set_reviewer(name)
        except UserError as error:
            self.say_error(error)
            return
        self.workspace.question.reviewer.set_name(name)

    def decide(self, decision: str, *, reason: str | None = None) -> None:
        """Keeps a verdict on the current pair, or on the gallery's selected ones; it shows when it is on the disk."""
        (self.gallery if self.gallery.is_open else self.giving).decide(decision, reason=reason)

    def show_selection(self, name: str, uids: Sequence[str]) -> None:
        """Keeps a named selection of pairs that another workspace sends, and lists it."""
        self.gallery.close()
        self.queue.show_selection(name, uids)

    def list_selection(self, name: str, n_pairs: int) -> None:
        """Lists a selection that is kept in the project already."""
        self.gallery.close()
        self.queue.filters.list_kept(name, n_pairs)

    # -- the gallery -----------------------------------------------------------------------------------------------

    def toggle_gallery(self) -> None:
        """Shows the frames of many pairs in place of the one, or that one again."""
        if self.gallery.is_open:
            self.gallery.close()
            return
        self.playback.set_active(False)
        self.attention.leave()
        self.workspace.show_gallery()
        self.gallery.open(self._current, is_blind=self.blind.is_on)

    def _tell_of(self, pair: PairRecord) -> None:
        """The keyboard is on another frame of the gallery: the question beside it is about that pair."""
        self.workspace.question.set_pair(pair)
        self.people.show(pair, self.queue.reviewer)

    def _leave_gallery(self, uid: str) -> None:
        self.playback.set_active(self._is_active)
        self.workspace.setFocus()
        if uid:
            self.show_pair(uid)
        else:
            self.queue.show_row(0)

    # -- the pair --------------------------------------------------------------------------------------------------

    def show_pair(self, uid: str) -> None:
        """Asks about a pair, wherever it stands in the queue."""
        if self.gallery.is_open:  # its keys would go on meaning its frames
            self.gallery.leave_for(uid)
            return
        try:
            pair = self.queue.record(uid)
            video = self.queue.video(pair.video_uid)
        except UserError as error:
            self.say_error(error)
            return
        if self._is_on_screen(pair, video):
            self._refresh_pair(pair, video)
            return
        self._current, self._shown_to = pair, self.queue.reviewer
        self._is_opening = False
        self.frame_first.begin()
        self.workspace.close_cards()
        self.workspace.show_pair()
        is_adjudicating = self.queue.state == "adjudicate"
        self.blind.begin(can_hide=not is_adjudicating)
        self.giving.begin(pair)
        self.remarks.begin(pair)
        self.attention.begin()
        if not self._is_active:
            self.attention.leave()
        self.workspace.verdicts.set_enabled(not self.giving.why_not(), self.giving.why_not())
        self.queue.set_current(uid)
        self.playback.show(pair, video, autoplay=self.options.autoplay and self._is_active)
        self.view.show(pair)
        self.blind_view.update()
        self.people.show(pair, self.queue.reviewer, is_adjudicating=is_adjudicating)
        self._keep_place(pair)
        self.frame_first.afterwards(lambda: self._read_on(pair, video))

    def _is_on_screen(self, pair: PairRecord, video: VideoRecord) -> bool:
        """Whether the reviewer is at work on this very pair: what only read the list again must not begin it anew."""
        now = self._current
        is_same = now is not None and (now.uid, now.decision, now.labels) == (pair.uid, pair.decision, pair.labels)
        plays = self.player.path == video.path and self.player.state != "error"
        is_asked = self.workspace.is_pair_shown() and self.blind.stage != "revealed"
        return is_same and plays and is_asked and self._shown_to == self.queue.reviewer

    def _refresh_pair(self, pair: PairRecord, video: VideoRecord) -> None:
        self._current = pair
        self.queue.set_current(pair.uid)
        self.view.show(pair)
        self.blind_view.update()
        self.people.refresh()
        self._keep_place(pair)
        self._read_on(pair, video)

    def _keep_place(self, pair: PairRecord) -> None:
        """Remembers where the reviewer is."""
        path, reviewer = self.project.path, self.queue.reviewer
        uids = [pair.uid, *(one.uid for one in self.queue.following(pair.uid, _PREFETCHED))]
        self.placing.run(lambda: keep_place(path, reviewer, uids), lambda _done: None)

    def _read_on(self, pair: PairRecord, video: VideoRecord) -> None:
        """Reads what is shown of the pair, and decodes what comes next."""
        self.view.read(pair, video)
        wishes = []
        for place, one in enumerate(self.queue.following(pair.uid, _PREFETCHED)):
            following_video = self.queue.video(one.video_uid)
            if place == 0:
                self.reading.read_ahead(one, following_video)
            wishes.append(self.playback.wish(one, following_video))
        self.player.prefetch(wishes)

    def _show_nothing(self) -> None:
        self._current = None
        self.blind.begin()
        self.view.leave()
        self.giving.begin(None)
        self.remarks.begin(None)
        self.people.show(None, self.queue.reviewer)
        self.attention.leave()
        self.playback.leave()
        self.queue.set_current(None)
        empty = emptiness(self.queue.counts, self.queue.state, self.queue.filter)
        self.workspace.show_empty(empty.title, empty.text, empty.action, is_done=empty.is_done)
        self.workspace.verdicts.set_enabled(False)

    def _leave_emptiness(self) -> None:
        step = emptiness(self.queue.counts, self.queue.state, self.queue.filter).step
        ways = {
            "clear filter": self.queue.clear_filter,
            "data": self.data_requested.emit,
            "runs": self.runs_requested.emit,
        }
        ways[step]() if step in ways else self.queue.set_state(step)  # type: ignore[arg-type]

    # -- verdicts and remarks --------------------------------------------------------------------------------------

    def set_blind(self, is_blind: bool) -> None:
        """Hides what machines and others say until the verdict, or shows it from now on."""
        self.blind_view.turn(is_blind, self._current)

    def _stand(self, pair: PairRecord) -> None:
        """The pair has its verdict and stays on screen."""
        self._current = pair
        self.blind_view.update()

    # -- numbers and remarks ---------------------------------------------------------------------------------------

    def _show_numbers(self) -> None:
        last = self.queue.last_verdicts
        self.workspace.verdicts.set_progress(self.queue.counts, pace_of(last))
        self.workspace.question.set_last_verdicts([line_of(one) for one in last])

    def _take_flag(self, pair: PairRecord) -> None:
        self._current = pair
        self._end_trouble()
        self.people.refresh()

    def _take_comment(self, text: str) -> None:
        self._end_trouble()
        self.giving.set_comment(text)
        self.people.refresh()

    # -- what is said ----------------------------------------------------------------------------------------------

    def say(self, sentence: str, seconds: float = 4) -> None:
        self.workspace.notice.show_notice(sentence, "info", seconds=seconds)

    def say_error(self, error: Any) -> None:
        self._say_trouble(one_line(error))

    def _say_trouble(self, sentence: str) -> None:
        self._trouble = sentence
        self.workspace.notice.show_notice(sentence, "error")

    def _end_trouble(self) -> None:
        if self._trouble and self.workspace.notice.text() == self._trouble:
            self.workspace.notice.clear()
        self._trouble = ""

    def _take_given(self) -> None:
        self._end_trouble()
        self.verdict_given.emit()

    def _say_not_kept(self, attempt: Attempt, error: UserError) -> None:
        tried = _TRIED[attempt.decision]
        about = attempt.label or (attempt.pair.label.class_name if attempt.pair.label else "this pair")
        self._say_trouble(f"{tried} {about} was not kept: {one_line(error)}")

    def _say_not_playing(self, sentence: str) -> None:
        self.view.show_extracted()
        notice, pair = self.workspace.notice, self._current
        is_gone = pair is not None and not self.queue.video(pair.video_uid).path.exists()
        action = "Find videos again…" if is_gone and not self.project.is_read_only else ""
        notice.show_notice(f"{sentence} The extracted frame is shown, without sound.", "warning", action=action)


def line_of(verdict: VerdictRecord) -> VerdictLine:
    """Returns a verdict as the list of the last ones shows it."""
    label, reason = verdict.label or "no label", verdict.reason or ""
    return VerdictLine(verdict.pair_uid, verdict.decision, label, verdict.seconds, reason)
