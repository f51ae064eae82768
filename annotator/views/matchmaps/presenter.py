"""Fills the Matchmaps workspace from the project and wires its parts: playing, watching, the sound's axis, asking, saving.

The maps come from a warm job for each checkpoint that listens; torch never enters this process.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import VideoRecord
from annotator.views.background import Background
from annotator.views.matchmaps import sources
from annotator.views.matchmaps.asking import Asking
from annotator.views.matchmaps.chooser import Choice
from annotator.views.matchmaps.heard_view import HeardView
from annotator.views.matchmaps.playing import Playing
from annotator.views.matchmaps.saving import Saving
from annotator.views.matchmaps.sound_choice import SoundChoice
from annotator.views.matchmaps.sources import Checkpoint
from annotator.views.matchmaps.watching import Watching
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from annotator.views.widgets.time_layout import clock_text
from davenet.errors import UserError

_NO_VIDEOS = (
    "No videos in this project yet",
    "Add a folder of cooking videos in Data; each can be played here with what the model hears in it.",
    "Go to Data",
)
_NO_CHECKPOINT = "No checkpoint listens yet: a fine-tune makes one from the pairs you accepted."


class MatchmapsPresenter(QObject):
    """One for an open project. The player may be shared: it is used only while the workspace is in view."""

    def __init__(
        self, workspace: MatchmapsWorkspace, project: Project, player: Player, jobs: Any, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace, self._project = workspace, project
        self._background = Background(self)
        self._videos: dict[str, VideoRecord] = {}
        self._checkpoints: dict[str, Checkpoint] = {}
        self._opened: dict[str, Checkpoint] = {}  # files that a person opened, by key, while this project is open
        self._video: VideoRecord | None = None
        self._first: Checkpoint | None = None
        self._second: Checkpoint | None = None
        self._ready: set[str] = set()
        self._is_open = True
        self.playing = Playing(workspace, project, player, self)
        self.heard = HeardView(workspace, project, self._background, self)
        self.watching = Watching(workspace, self.playing, jobs, self)
        queries = sources.live_dir(project) / "queries"
        self.asking = Asking(workspace, self.playing, self.heard, queries, self._background, self)
        self.saving = Saving(workspace, project, jobs, self.playing, self.watching, self.heard, self._background, self)
        self._connections: list[tuple[Any, Callable[..., Any]]] = []
        self._connect_all()
        self.refresh()

    def _connect_all(self) -> None:
        workspace, panel, player = self._workspace, self._workspace.panel, self.playing.player
        sound, look = workspace.controls.sound, workspace.controls.look
        asking, playing, watching, saving = self.asking, self.playing, self.watching, self.saving
        for signal, slot in (
            (workspace.shown, self._come_into_view),
            (workspace.hidden, self._go_out_of_view),
            (workspace.play_toggled, playing.toggle),
            (workspace.moved, playing.move),
            (workspace.stepped, playing.step),
            (workspace.seek_requested, playing.seek),
            (workspace.whole_toggled, self._show_range),
            (workspace.best_requested, self._seek_best),
            (workspace.word_clicked, asking.press_word),
            (workspace.word_moved, asking.move_word),
            (workspace.mode_requested, asking.ask_mode),
            (workspace.part_selected, asking.take_part),
            (workspace.span_marked, asking.mark),
            (workspace.maps_bar.started, self._mend),
            (sound.seconds_requested, asking.set_seconds),
            (sound.reduction_toggled, asking.toggle_reduction),
            (look.look_changed, self._repaint),
            (look.fit_toggled, asking.set_fit),
            (panel.video_chosen, self.show_video),
            (panel.checkpoint_chosen, self.choose_checkpoint),
            (panel.second_chosen, self.choose_second),
            (panel.open_requested, self.ask_checkpoint),
            (panel.difference_toggled, self._show_stages),
            (panel.asked, asking.ask),
            (panel.say_requested, asking.listen),
            (panel.save_requested, saving.save_frame),
            (panel.sheet_requested, saving.save_sheet),
            (panel.arrays_requested, saving.save_arrays),
            (panel.render_requested, saving.render),
            (asking.chosen, self._take_choice),
            (playing.frame_shown, self._show_frame),
            (playing.time_changed, self._show_time),
            (playing.sought, watching.sought),
            (playing.state_changed, self._show_state),
            (player.notice, self._show_notice),
            (watching.changed, self._show_maps_state),
            (saving.ended, self._show_maps_state),
        ):
            signal.connect(slot)
            self._connections.append((signal, slot))

    def shutdown(self) -> None:
        """Leaves the workspace and the player to whoever comes next; a render goes on, listening ends."""
        if not self._is_open:
            return
        self._is_open = False
        for signal, slot in self._connections:
            signal.disconnect(slot)
        self.playing.shutdown()
        self.watching.shutdown()
        self.saving.shutdown()
        self._background.shutdown()

    # -- what there is to show -----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Reads the videos and checkpoints anew: after an import, a run, or a training that made better weights."""
        self._videos = {video.uid: video for video in self._project.store.videos()}
        self._opened = {one.key: one for one in sources.still_there(self._project, self._opened.values())}
        self._checkpoints = self._opened | {one.key: one for one in sources.find_checkpoints(self._project)}
        self._first = self._again(self._first) or next(iter(self._checkpoints.values()), None)
        self._second = self._again(self._second)
        self.watching.set_checkpoints(self._first, self._second)
        self._look_what_is_ready()
        if not self._videos:
            self._video = None
            title, text, action = _NO_VIDEOS
            self._workspace.show_empty(title, text, action, leads_to="Data")
            self._workspace.panel.set_video_facts("")
            self._workspace.panel.set_words((), missing="")
            self._fill_choosers()
            return
        self._workspace.show_video()
        if self._video is None or self._video.uid not in self._videos:
            self.show_video(next(iter(self._videos)))
        else:
            self._fill_choosers()
            self._show_maps_state()

    def _again(self, checkpoint: Checkpoint | None) -> Checkpoint | None:
        return None if checkpoint is None else self._checkpoints.get(checkpoint.key)

    def show_video(self, uid: str) -> None:
        """Opens a video of the project where it was left, paused."""
        video = self._videos.get(uid)
        if video is None:
            return
        self._video = video
        workspace = self._workspace
        workspace.show_video()
        workspace.notice.clear()
        workspace.stages.set_frame(None)
        workspace.stages.set_message("")
        workspace.strip.set_curves(())
        self.playing.show(video)
        self.heard.show(video, self.playing.time_s)
        workspace.set_time(self.playing.time_s, video.duration_s)
        self.watching.set_video(video)
        self.asking.set_video(video)
        self._fill_choosers()
        self._look_what_is_ready()
        self._show_maps_state()

    def choose_checkpoint(self, key: str) -> None:
        """Lets another checkpoint listen; chosen as the first, the second one goes."""
        self._first = self._checkpoints.get(key, self._first)
        if self._second == self._first:
            self._second = None
        self._take_checkpoints()

    def choose_second(self, key: str) -> None:
        """Lets a second checkpoint listen beside the first; '' ends that."""
        self._second = self._checkpoints.get(key) if key else None
        self._take_checkpoints()

    def ask_checkpoint(self, is_second: bool) -> None:
        """Asks for a checkpoint's file, and lets it listen as the first or the second."""
        folder = next((one.path.parent for one in reversed(self._opened.values())), self._project.path)
        path = self._workspace.ask_checkpoint(folder)
        if path is not None:
            self.open_checkpoint(path, is_second=is_second)

    def open_checkpoint(self, path: Path, *, is_second: bool = False) -> None:
        """Lets a file listen; one that is no checkpoint of ours is refused in place, and those that listen go on."""
        names = {one.name for one in self._checkpoints.values() if one.path != path}

        def opened(found: Checkpoint) -> None:
            if found.key not in self._checkpoints or found.key in self._opened:
                self._opened[found.key] = self._checkpoints[found.key] = found
            self._workspace.notice.clear()
            if is_second and self._first is not None and found.key != self._first.key:
                self.choose_second(found.key)
            else:
                self.choose_checkpoint(found.key)

        def refused(error: UserError) -> None:
            self._workspace.notice.show_notice(str(error), "error")

        self._background.run(lambda: sources.open_checkpoint(self._project, path, names), opened, refused)

    def _take_checkpoints(self) -> None:
        self.watching.set_checkpoints(self._first, self._second)
        self._look_what_is_ready()
        self._fill_choosers()
        self._show_stages()

    def _look_what_is_ready(self) -> None:
        checkpoint, videos = self._first, list(self._videos.values())
        if checkpoint is None:
            return

        def looked(ready: set[str]) -> None:
            if checkpoint == self._first and ready != self._ready:
                self._ready = ready
                self._fill_choosers()

        mode = self.asking.choice.mode
        self._background.run(lambda: sources.videos_ready(checkpoint, mode, videos), looked)

    def _fill_choosers(self) -> None:
        panel, video, first = self._workspace.panel, self._video, self._first
        videos = [Choice(v.uid, v.title, v.uid in self._ready) for v in self._videos.values()]
        panel.set_videos(videos, None if video is None else video.uid)
        checkpoints = [Choice(one.key, one.name, tip=f"{one.name}: {one.path}") for one in self._checkpoints.values()]
        panel.set_checkpoints(checkpoints, None if first is None else first.key)
        others = [one for one in checkpoints if first is None or one.key != first.key]
        panel.set_seconds(others, None if self._second is None else self._second.key)
        panel.set_second(compares=self._second is not None)
        if first is not None and self._second is not None:
            panel.legend.set_names(first.name, self._second.name)
        if video is not None:
            panel.set_video_facts(f"{clock_text(video.duration_s)} · {video.width}×{video.height}")

    def _show_stages(self, _differs: bool = False) -> None:
        stages, panel = self._workspace.stages, self._workspace.panel
        stages.show_stages(compares=self._second is not None, differs=panel.difference.isChecked())
        panel.set_second(compares=self._second is not None)
        stages.set_frame(self.playing.frame)
        self.watching.paint()

    # -- what follows what ---------------------------------------------------------------------------------------

    def _come_into_view(self) -> None:
        self.playing.take()
        self.watching.set_view(True)

    def _go_out_of_view(self) -> None:
        self.playing.leave()
        self.watching.set_view(False)

    def _take_choice(self, choice: SoundChoice) -> None:
        self._workspace.controls.sound.set_choice(choice)
        self.heard.set_choice(choice)
        self.watching.set_choice(choice)

    def _show_frame(self, rgb: Any, time_s: float) -> None:
        self._workspace.stages.set_frame(rgb)
        self.watching.paint_frame(rgb, time_s)
        if not self._workspace.panel.save_button.isEnabled():
            self.saving.show_possible(self._video)

    def _show_time(self, time_s: float) -> None:
        self.heard.set_time(time_s)
        self.watching.set_time()

    def _show_state(self, state: str) -> None:
        self._workspace.controls.sound.play.set_playing(state == "playing")

    def _show_notice(self, sentence: str) -> None:
        if not self._workspace.isVisible():
            return
        if self.playing.player.state == "error":
            self._workspace.stages.set_frame(None)
            self._workspace.stages.set_message(sentence)
        else:
            self._workspace.notice.show_notice(sentence, "info")

    def _show_range(self, _is_whole: bool) -> None:
        self.heard.show_range()

    def _seek_best(self) -> None:
        best_s = self._workspace.strip.best()
        if best_s is not None:
            self.playing.seek(best_s)

    def _repaint(self, _look: object) -> None:
        self.watching.paint()

    def _mend(self) -> None:
        """The button of the bar: to Runs where nothing listens, else once more."""
        if self._first is None:
            self._workspace.workspace_requested.emit("Runs")
        else:
            self.watching.retry()

    def _show_maps_state(self) -> None:
        bar, first = self._workspace.maps_bar, self._first
        self.saving.show_possible(self._video)
        self._workspace.controls.set_enabled(first is not None)
        error = self.watching.error()
        if self._video is None:
            bar.hide()
        elif first is None:
            bar.offer(_NO_CHECKPOINT, "Go to Runs")
        elif error:
            bar.offer(error, "Try again", is_error=True)
        else:
            bar.hide()
        self._workspace.strip.set_empty(error)
