"""The guide's page on reviewing: its table of keys and its reasons are those of the app, and its pictures are there."""

import re
import struct
from pathlib import Path

from annotator.keymap import ACTIONS
from annotator.store.records import REASONS

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
PAGE = GUIDE / "reviewing.md"
# What each row of the table is about, in its order: actions that belong together share a place between two dots.
ROWS = (
    "review.accept · review.reject · review.unsure · review.skip",
    "review.reject_reason",
    "review.correct · review.comment · review.flag",
    "review.undo · review.redo · review.undo_batch",
    "review.play · review.replay · review.window · review.loop",
    "review.frame_back review.frame_on · review.back_1 review.on_1 · review.back_5 review.on_5",
    "review.slower review.faster · review.speed_1",
    "review.nudge_back review.nudge_on",
    "review.peek · review.overlay · review.alpha_down review.alpha_up · review.colours · review.crop",
    "review.next · review.previous",
    "review.gallery · review.blind · review.filter · review.filters",
    "app.keys · app.palette · app.go_to · app.settings",
)
ARROWS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}


def written(key: str) -> str:
    *modifiers, last = key.split("+") if key != "+" else ["+"]
    return "`" + "+".join([*modifiers, ARROWS.get(last, last)]) + "`"


def table() -> list[tuple[str, str]]:
    lines = re.findall(r"^\| (`.+?) \| (.+) \|$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return [(keys.strip(), what.strip()) for keys, what in lines]


def test_the_table_of_keys_is_the_keymap() -> None:
    told = [keys.partition(", then ")[0] for keys, _ in table()]
    kept = [
        " · ".join(
            " ".join(written(key) for id in place.split() for key in ACTIONS[id].keys) for place in row.split(" · ")
        )
        for row in ROWS
    ]
    assert told == kept


def test_the_table_leaves_out_no_action_of_review() -> None:
    named = {id for row in ROWS for id in row.replace(" · ", " ").split()}
    assert {id for id in ACTIONS if id.startswith("review.")} <= named


def test_the_reasons_are_told_with_their_digits() -> None:
    keys, what = next(row for row in table() if "then" in row[0])
    assert keys.endswith(f"then `1`–`{len(REASONS)}`")
    places = [what.find(reason.removeprefix("other ")) for reason in REASONS]
    assert -1 not in places and places == sorted(places)


def test_every_picture_of_a_page_is_there_in_the_size_of_a_window() -> None:
    for page in sorted(GUIDE.glob("*.md")):
        for name in re.findall(r"!\[[^\]]*\]\(([^)]+\.png)\)", page.read_text("utf-8")):
            head = (page.parent / name).read_bytes()[:24]
            assert head[:8] == b"\x89PNG\r\n\x1a\n", f"{page.name}: {name}"
            width, height = struct.unpack(">II", head[16:24])
            assert width >= 1280 and height >= 720, f"{name} is {width} x {height}"


def test_every_screen_is_kept_in_both_themes_and_two_sizes() -> None:
    kept = {path.name for path in (GUIDE / "screens").glob("*.png")}
    names = {re.sub(r"-(dark|light)-\d+\.png$", "", name) for name in kept}
    assert {"review", "gallery", "reviewers", "matchmaps", "retrieval", "runs", "data", "start"} <= names
    assert kept == {
        f"{name}-{theme}-{width}.png" for name in names for theme in ("dark", "light") for width in (1280, 1920)
    }
    for name in kept:
        width, height = struct.unpack(">II", (GUIDE / "screens" / name).read_bytes()[16:24])
        assert (width, height) in ((1280, 720), (1920, 1080)) and name.endswith(f"-{width}.png")
