"""The guide's page on matchmaps: its keys are those of the app, and none is left out."""

import re
from pathlib import Path

from annotator.keymap import ACTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "matchmaps.md"
# Moving about is as in Review, whose page tells of it.
ELSEWHERE = {"back", "on", "far_back", "far_on", "frame_back", "frame_on", "video", "checkpoint"}
TOLD = {  # what the page says of a key -> the action that has it
    r"press `Space`": "play", r"centred on it": "around", r"length `([^`]+)`": "seconds", r"`N` \| this moment": "moment",
    r"`A`, then `J` `K`": "word", r"`Q`, or `Shift\+Q`": "ask", r"`R` takes the maximum": "reduction",
    r"`M` overlay": "overlay", r"`V` colours": "colours", r"`-` `=` strength": "less_alpha",
    r"`\[` `\]` threshold": "lower_threshold", r"`E` its contour": "contour", r"`H` keep only what is heard": "heard",
    r"`C` the model's crop": "crop", r"`Shift\+C` whole frame": "fit", r"`W` shows 20 seconds": "range",
    r"`Shift\+D` chooses a second": "compare", r"`D` shows the difference": "difference",
    r"\(`Ctrl\+O`\) takes any": "open_checkpoint", r"Save frame \| `Ctrl\+S`": "save",
    r"Contact sheet \| `Ctrl\+Shift\+S`": "sheet", r"Save arrays \| `Ctrl\+E`": "arrays", r"Render \| `Ctrl\+R`": "render",
}  # fmt: skip


def test_the_page_names_the_key_of_every_action_of_the_workspace() -> None:
    text = PAGE.read_text("utf-8")
    keys = set(re.findall(r"`([^` ]+)`", text))
    for id, action in ACTIONS.items():
        workspace, _, name = id.partition(".")
        if workspace == "matchmaps" and name not in ELSEWHERE:
            assert keys & set(action.keys), f"{id} ({' '.join(action.keys)}) is not on the page"


def test_each_sentence_gives_the_key_that_does_it() -> None:
    text = " ".join(PAGE.read_text("utf-8").split())
    for sentence, name in TOLD.items():
        found = re.search(sentence, text)
        assert found is not None, sentence
        keys = ACTIONS[f"matchmaps.{name}"].keys
        near = text[max(0, found.start() - 60) : found.end() + 20]
        assert any(f"`{key}`" in near for key in keys), f"{name}: {keys} not in {near}"
