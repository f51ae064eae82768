"""Every action of the app that has a key: its id, what it does, its keys, and what people changed of them. No Qt.

Keys are written as Qt writes them portably ("Ctrl+Shift+Z", "Left", "?"). The part of an id before its dot is the
workspace in which its keys work; those of "app" work everywhere. views/key_bindings.py makes shortcuts of this.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from annotator.recent import config_dir
from davenet.errors import UserError
from davenet.files import write_text_atomically

KEYS_FILE = "keys.json"
EVERYWHERE = "app"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a key does; `repeats` says that a held key does it again and again."""

    id: str
    text: str
    keys: tuple[str, ...]
    group: str
    repeats: bool = False

    @property
    def workspace(self) -> str:
        """Returns "review", "matchmaps", "runs", "data", or "app" where it works everywhere."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Conflict:
    """One key that is to do two things in one place."""

    key: str
    actions: tuple[str, ...]


def _of(workspace: str, group: str, *rows: tuple[str, str, tuple[str, ...]], repeats: bool = False) -> list[Action]:
    return [Action(f"{workspace}.{name}", text, keys, group, repeats) for name, text, keys in rows]


_LIST = [
    *_of(
        "review",
        "Verdict",
        ("accept", "Accept: it is seen and said", ("A", "1")),
        ("reject", "Reject: it is not", ("X", "0")),
        ("reject_reason", "Reject with a reason, then 1 to 6", ("Shift+X",)),
        ("unsure", "Unsure: someone else decides", ("U",)),
        ("skip", "Skip: it comes back", ("S",)),
        ("correct", "Correct the label", ("E",)),
        ("comment", "Comment", ("C",)),
        ("flag", "Flag, or take the flag away", ("F",)),
        ("undo", "Undo the last verdict", ("Backspace", "Ctrl+Z")),
        ("redo", "Redo", ("Ctrl+Shift+Z",)),
        ("undo_batch", "Undo the gallery's last batch", ("Shift+Backspace",)),
    ),
    *_of(
        "review",
        "Sound and time",
        ("play", "Play or pause", ("Space",)),
        ("replay", "Hear the segment again", ("R",)),
        ("window", "2 s or 20 s of sound", ("W",)),
        ("loop", "Loop the segment", ("L",)),
        ("speed_1", "Normal speed", ("\\",)),
    ),
    *_of(
        "review",
        "Sound and time",
        ("slower", "Slower", ("[",)),
        ("faster", "Faster", ("]",)),
        ("frame_back", "One frame back", (",",)),
        ("frame_on", "One frame on", (".",)),
        ("back_1", "One second back", ("Left",)),
        ("on_1", "One second on", ("Right",)),
        ("back_5", "Five seconds back", ("Shift+Left",)),
        ("on_5", "Five seconds on", ("Shift+Right",)),
        ("nudge_back", "Nudge the sound earlier", ("Alt+Left",)),
        ("nudge_on", "Nudge the sound later", ("Alt+Right",)),
        repeats=True,
    ),
    *_of(
        "review",
        "Picture",
        ("peek", "Peek at the matchmap while held", ("H",)),
        ("overlay", "Matchmap on or off", ("M",)),
        ("colours", "Next colour map", ("V",)),
        ("crop", "The model's crop on or off", ("Shift+C",)),
    ),
    *_of(
        "review",
        "Picture",
        ("alpha_down", "Fainter matchmap", ("-",)),
        ("alpha_up", "Stronger matchmap", ("=",)),
        repeats=True,
    ),
    *_of(
        "review",
        "Queue",
        ("next", "Next pair", ("J", "Down")),
        ("previous", "Previous pair", ("K", "Up")),
        repeats=True,  # moving on decides nothing, so a held key may
    ),
    *_of(
        "review",
        "Queue",
        ("gallery", "Gallery of frames", ("G",)),
        ("blind", "Blind: hide the model until the verdict", ("B",)),
        ("filter", "Search the queue", ("/",)),
        ("filters", "Filters of the queue", ("Shift+F",)),
    ),
    *_of(
        "matchmaps",
        "Sound and time",
        ("play", "Play or pause", ("Space",)),
        ("range", "20 s around now, or the whole video", ("W",)),
    ),
    *_of(
        "matchmaps",
        "Sound and time",
        ("back", "One second back", ("Left",)),
        ("on", "One second on", ("Right",)),
        ("far_back", "Five seconds back", ("Shift+Left",)),
        ("far_on", "Five seconds on", ("Shift+Right",)),
        ("frame_back", "One frame back", (",",)),
        ("frame_on", "One frame on", (".",)),
        repeats=True,
    ),
    *_of(
        "matchmaps",
        "Picture",
        ("overlay", "Show the matchmap", ("M",)),
        ("crop", "Show the part of the frame that the model sees", ("C",)),
        ("fit", "The model's crop, or the whole frame letterboxed", ("Shift+C",)),
        ("heard", "Keep only what is heard: darken the rest", ("H",)),
        ("contour", "Draw the threshold as a line", ("E",)),
        ("colours", "Next colour map", ("V",)),
        ("difference", "Show the difference of two checkpoints", ("D",)),
        ("video", "Choose the video", ("G",)),
        ("checkpoint", "Choose the checkpoint that listens", ("L",)),
        ("compare", "Choose a second checkpoint", ("Shift+D",)),
        ("open_checkpoint", "Open a checkpoint file", ("Ctrl+O",)),
    ),
    *_of(
        "matchmaps",
        "Which sound",
        ("around", "The seconds around each frame", ("T",)),
        ("seconds", "How many seconds around", ("Shift+T",)),
        ("moment", "This moment only", ("N",)),
        ("word", "The word that is said now", ("A",)),
        ("span_from", "A part of the sound begins here", ("I",)),
        ("span_to", "A part of the sound ends here", ("O",)),
        ("ask", "Type a word to look for", ("Q", "/")),
        ("say", "Say a word to look for", ("Shift+Q",)),
        ("reduction", "Mean or maximum over the sound's time", ("R",)),
    ),
    *_of(
        "matchmaps",
        "Which sound",
        ("next_word", "The next word", ("J",)),
        ("previous_word", "The word before", ("K",)),
        repeats=True,
    ),
    *_of(
        "matchmaps",
        "Picture",
        ("less_alpha", "Fainter overlay", ("-",)),
        ("more_alpha", "Stronger overlay", ("=", "+")),
        ("lower_threshold", "Lower threshold: more of the map shows", ("[",)),
        ("higher_threshold", "Higher threshold: less of the map shows", ("]",)),
        repeats=True,
    ),
    *_of(
        "matchmaps",
        "Files",
        ("save", "Save this picture", ("Ctrl+S",)),
        ("sheet", "Save a sheet of the best and worst frames", ("Ctrl+Shift+S",)),
        ("arrays", "Save the maps as arrays", ("Ctrl+E",)),
        ("render", "Render a video with the matchmap", ("Ctrl+R",)),
    ),
    *_of(
        "retrieval",
        "Cases",
        ("look", "Look at this gallery with this checkpoint", ("L",)),
        ("play", "Hear the query's own segment", ("Space",)),
        ("play_result", "Hear the chosen result", ("Return", "Enter")),
        ("accept", "It is right: accept frame and sound as a pair", ("A",)),
        ("review", "Judge the query in Review", ("R",)),
        ("send", "Send what is selected, or listed, to review", ("S",)),
        ("turn", "Ask the other way round", ("D",)),
        ("show", "Misses, hits or all", ("H",)),
        ("filter", "Search the queries", ("/",)),
    ),
    *_of(
        "retrieval",
        "Cases",
        ("next", "Next query", ("J", "Down")),
        ("previous", "Previous query", ("K", "Up")),
        ("result_on", "Next result", ("Right",)),
        ("result_back", "Result before", ("Left",)),
        repeats=True,
    ),
    *_of(
        "retrieval",
        "Pages",
        ("cases", "Cases, one at a time", ("1",)),
        ("map", "Map of the embeddings", ("2",)),
        ("matrix", "Similarities of all with all", ("3",)),
        ("tables", "Tables by class and word", ("4",)),
        ("projection", "Map by PCA or UMAP", ("P",)),
        ("colours", "Map coloured by class, verdict or split", ("V",)),
        ("box", "A box on the map: arrows move it, Shift sizes it, Enter selects", ("B",)),
        ("kind", "Table by class or by word", ("W",)),
        ("sort", "Sort the table by the next column", ("O",)),
        ("tables_csv", "Save the table as CSV", ("Ctrl+S",)),
    ),
    *_of(
        "runs",
        "Runs",
        ("new", "New run", ("N",)),
        ("evaluate", "Evaluate the chosen run", ("E",)),
        ("compare", "Compare the chosen run with others, or no more", ("C",)),
        ("comparison", "Show the comparison", ("Shift+C",)),
        ("table3", "The paper's Table 3", ("T",)),
        ("axis", "Curves over epochs, steps, pairs or time", ("X",)),
        ("next_queue", "Make the next review queue by the chosen run's model", ("Q",)),
        ("fine_tune", "Fine-tune the chosen run's model on the verdicts of now", ("F",)),
        ("duplicate", "A new run with changes", ("D",)),
        ("pause", "Pause the chosen run, or go on with it", ("P",)),
        ("sooner", "Let a waiting run start sooner", ("Alt+Up",)),
        ("later", "Let a waiting run start later", ("Alt+Down",)),
        ("notes", "Notes and tags", ("Shift+N",)),
        ("delete", "Delete the chosen run", ("Delete",)),
        ("undo", "Bring back the run that was deleted last", ("Ctrl+Z",)),
        ("open_folder", "Take in a run that was made elsewhere", ("Ctrl+O",)),
    ),
    *_of(
        "data",
        "Steps",
        ("import", "Import videos", ("I",)),
        ("extract", "Extract frames and sound", ("X",)),
        ("transcribe", "Transcribe what is said", ("T",)),
        ("detect", "Detect what is seen", ("D",)),
        ("mine", "Mine pairs", ("M",)),
        ("release", "Release, or take a release in", ("R",)),
    ),
    *_of(
        "data",
        "Options of a step",
        ("import_options", "Options of Import", ("Shift+I",)),
        ("extract_options", "Options of Extract", ("Shift+X",)),
        ("transcribe_options", "Options of Transcribe", ("Shift+T",)),
        ("detect_options", "Options of Detect", ("Shift+D",)),
        ("mine_options", "Options of Mine", ("Shift+M",)),
        ("release_options", "Options of Release", ("Shift+R",)),
    ),
    *_of(
        "data",
        "Pages",
        ("plots", "Plots of the data", ("G",)),
        ("plot_choices", "What the plots are made of", ("O",)),
        ("skipped", "What was skipped, and why", ("K",)),
        ("filter", "Search the videos", ("/",)),
    ),
    *_of(
        "data",
        "A video's page",
        ("video_play", "Play or pause the video", ("Space",)),
        ("video_previous", "The video before this one in the list", ("P",)),
        ("video_next", "The next video of the list", ("N",)),
        ("video_back", "Back to the list of videos", ("Esc",)),
    ),
    *_of(
        EVERYWHERE,
        "Everywhere",
        ("palette", "All commands", ("Ctrl+K",)),
        ("go_to", "Go to a pair, video, time or run", ("Ctrl+J",)),
        ("keys", "These keys", ("?",)),
        ("settings", "Settings", ("Ctrl+,",)),
        ("review", "Review", ("Ctrl+1",)),
        ("matchmaps", "Matchmaps", ("Ctrl+2",)),
        ("retrieval", "Retrieval", ("Ctrl+3",)),
        ("runs", "Runs", ("Ctrl+4",)),
        ("data", "Data", ("Ctrl+5",)),
        ("reviewers", "Reviewers", ("Ctrl+6",)),
        ("mute", "Sound off or on", ("Ctrl+M",)),
        ("theme", "Next theme: dark, light, as the system", ("Ctrl+Shift+L",)),
        ("tour", "Learn it in a minute", ()),
        ("close_project", "Close the project", ("Ctrl+W",)),
        ("quit", "Quit", ("Ctrl+Q",)),
    ),
    *_of(
        EVERYWHERE,
        "Everywhere",
        ("quieter", "Quieter", ("Ctrl+Down",)),
        ("louder", "Louder", ("Ctrl+Up",)),
        repeats=True,
    ),
]
ACTIONS: Mapping[str, Action] = MappingProxyType({action.id: action for action in _LIST})

# What a preset changes of the keys above. Prodigy's and mpv's are the keys of those programs where ours does the same.
_PRODIGY = {
    "review.accept": ("A",),
    "review.reject": ("X",),
    "review.skip": ("Space",),
    "review.undo": ("Backspace", "Del", "Ctrl+Z"),
    "review.play": ("Return", "Enter"),
}
_MPV = {
    "review.reject": ("X",),
    "review.undo": ("Ctrl+Z",),
    "review.play": ("Space", "P"),
    "review.back_5": ("Left",),
    "review.on_5": ("Right",),
    "review.back_1": ("Shift+Left",),
    "review.on_1": ("Shift+Right",),
    "review.speed_1": ("Backspace",),
    "review.next": (">", "Return", "J", "Down"),
    "review.previous": ("<", "K", "Up"),
    "review.overlay": ("O",),
    "matchmaps.play": ("Space", "P"),
    "matchmaps.far_back": ("Left",),
    "matchmaps.far_on": ("Right",),
    "matchmaps.back": ("Shift+Left",),
    "matchmaps.on": ("Shift+Right",),
    "matchmaps.overlay": ("O",),
    "matchmaps.span_to": ("Shift+I",),
    "data.mine": ("N",),
    "data.video_previous": ("<",),
    "data.video_next": (">",),
    "app.mute": ("M",),
    "app.quieter": ("9",),
    "app.louder": ("0",),
}
_LEFT_HAND = {
    "review.reject": ("X", "2"),
    "review.unsure": ("D", "3"),
    "review.skip": ("S", "4"),
    "review.undo": ("Z", "Ctrl+Z", "Backspace"),
    "review.redo": ("Shift+Z", "Ctrl+Shift+Z"),
    "review.loop": ("T",),
    "review.back_1": ("Q", "Left"),
    "review.on_1": ("Shift+Q", "Right"),
    "review.next": ("G", "Down"),
    "review.previous": ("Shift+G", "Up"),
    "review.gallery": ("Ctrl+G",),
    "review.overlay": ("V",),
    "review.colours": ("Shift+V",),
    "review.peek": ("B",),
    "review.blind": ("Shift+B",),
}
PRESETS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"default": {}, "Prodigy": _PRODIGY, "mpv": _MPV, "left hand": _LEFT_HAND}
)


def meet(one: str, other: str) -> bool:
    """Returns whether two actions are within reach of one key press: in one workspace, or one of them everywhere."""
    first, second = ACTIONS[one].workspace, ACTIONS[other].workspace
    return first == second or EVERYWHERE in (first, second)


class Keymap:
    """The keys in force: those of a preset, and what was changed of it."""

    def __init__(self, preset: str = "default", changes: Mapping[str, Iterable[str]] | None = None) -> None:
        self._preset = preset if preset in PRESETS else "default"
        self._changes = {id: tuple(keys) for id, keys in (changes or {}).items() if id in ACTIONS}

    @property
    def preset(self) -> str:
        return self._preset

    @property
    def n_changes(self) -> int:
        """How many actions have other keys than the preset gives them."""
        return len(self._changes)

    def keys_of(self, id: str) -> tuple[str, ...]:
        """Returns an action's keys, the first of which is shown on its button; none is allowed."""
        return self._changes.get(id, self.preset_keys(id))

    def preset_keys(self, id: str) -> tuple[str, ...]:
        return PRESETS[self._preset].get(id, ACTIONS[id].keys)

    def is_changed(self, id: str) -> bool:
        return id in self._changes

    def set_keys(self, id: str, keys: Iterable[str]) -> None:
        """Gives an action these keys and no others; a key given twice counts once."""
        chosen = tuple(dict.fromkeys(keys))
        if chosen == self.preset_keys(id):
            self._changes.pop(id, None)
        else:
            self._changes[id] = chosen

    def keep_key(self, key: str, id: str) -> None:
        """Takes a key from every other action that it would meet: how a conflict is resolved."""
        for other in self.owners(key, id):
            self.set_keys(other, [kept for kept in self.keys_of(other) if kept != key])

    def owners(self, key: str, id: str) -> tuple[str, ...]:
        """Returns the other actions that have this key where action `id` works."""
        return tuple(other for other in ACTIONS if other != id and meet(other, id) and key in self.keys_of(other))

    def conflicts(self) -> tuple[Conflict, ...]:
        """Returns each key that would do two things in one place, in the order of the actions."""
        by_key: dict[str, list[str]] = {}
        for id in ACTIONS:
            for key in self.keys_of(id):
                by_key.setdefault(key, []).append(id)
        found = []
        for key, ids in by_key.items():
            met = tuple(one for one in ids if any(other != one and meet(one, other) for other in ids))
            if met:
                found.append(Conflict(key, met))
        return tuple(found)

    def use_preset(self, name: str) -> None:
        """Takes a preset's keys and forgets what was changed. Raises KeyError where there is no such preset."""
        PRESETS[name]
        self._preset, self._changes = name, {}

    def reset(self, id: str) -> None:
        self._changes.pop(id, None)

    def reset_all(self) -> None:
        self._changes.clear()

    @classmethod
    def load(cls, path: Path | None = None) -> "Keymap":
        """Returns the keys kept in `path`, the user's settings by default; a file that cannot be read is no change."""
        try:
            kept = json.loads((path or config_dir() / KEYS_FILE).read_text("utf-8"))
            changes = {str(id): [str(key) for key in keys] for id, keys in kept["keys"].items()}
            return cls(str(kept["preset"]), changes)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def save(self, path: Path | None = None) -> None:
        """Keeps the preset and what was changed of it. Raises UserError where it cannot be written."""
        kept = {"preset": self._preset, "keys": {id: list(keys) for id, keys in self._changes.items()}}
        path = path or config_dir() / KEYS_FILE
        try:
            write_text_atomically(path, json.dumps(kept, indent=1, ensure_ascii=False))
        except OSError as error:
            raise UserError(
                f"{path} cannot be written ({error.strerror}); the keys hold until the app ends."
            ) from error
