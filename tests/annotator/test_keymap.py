"""The keymap and the search by a few letters: no key does two things, presets, changes that are kept."""

from pathlib import Path

import pytest

from annotator.fuzzy import match
from annotator.keymap import ACTIONS, PRESETS, Conflict, Keymap
from davenet.errors import UserError


@pytest.mark.parametrize("preset", list(PRESETS))
def test_no_preset_has_a_key_that_does_two_things_in_one_place(preset: str) -> None:
    assert Keymap(preset).conflicts() == ()
    assert set(PRESETS[preset]) <= set(ACTIONS)


def test_the_prodigy_preset_has_prodigys_own_keys() -> None:
    keymap = Keymap("Prodigy")
    keys = {name: keymap.keys_of(f"review.{name}") for name in ("accept", "reject", "skip", "undo", "flag")}
    assert keys["accept"] == ("A",)
    assert keys["reject"] == ("X",)
    assert keys["skip"] == ("Space",)
    assert keys["undo"][:2] == ("Backspace", "Del")
    assert keys["flag"] == ("F",)


def test_one_key_may_do_two_things_in_two_workspaces_but_none_beside_one_that_works_everywhere() -> None:
    keymap = Keymap()
    keymap.set_keys("runs.new", ("A",))
    assert keymap.conflicts() == ()
    keymap.set_keys("app.mute", ("A",))
    everywhere = tuple(id for id in ACTIONS if "A" in keymap.keys_of(id))
    assert keymap.conflicts() == (Conflict("A", everywhere),)
    assert {"review.accept", "runs.new", "app.mute"} <= set(everywhere)
    keymap.keep_key("A", "review.accept")
    assert keymap.conflicts() == ()
    assert keymap.keys_of("review.accept") == ("A", "1")
    assert keymap.keys_of("app.mute") == ()
    assert keymap.keys_of("runs.new") == ("A",)


def test_changes_are_kept_and_a_preset_forgets_them(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keymap = Keymap("mpv")
    keymap.set_keys("review.accept", ("Q", "Q", "Ctrl+Return"))
    keymap.save(path)
    again = Keymap.load(path)
    assert again.preset == "mpv"
    assert again.keys_of("review.accept") == ("Q", "Ctrl+Return")
    assert again.is_changed("review.accept") and again.n_changes == 1
    again.use_preset("default")
    assert again.keys_of("review.accept") == ("A", "1")
    assert again.n_changes == 0


def test_keys_set_back_to_the_presets_are_no_change() -> None:
    keymap = Keymap()
    keymap.set_keys("review.accept", ("Q",))
    keymap.set_keys("review.accept", ("A", "1"))
    assert keymap.n_changes == 0


@pytest.mark.parametrize("text", ["", "[]", '{"preset": 3}', '{"preset": "default", "keys": {"review.accept": 5}}'])
def test_a_file_of_keys_that_cannot_be_read_changes_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    assert Keymap.load(path).n_changes == 0


def test_keys_of_actions_that_are_no_more_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text('{"preset": "none such", "keys": {"review.none": ["A"], "review.flag": ["B"]}}')
    keymap = Keymap.load(path)
    assert keymap.preset == "default"
    assert keymap.keys_of("review.flag") == ("B",)
    assert keymap.n_changes == 1


def test_keys_that_cannot_be_kept_are_a_users_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"keys\.json"):
        Keymap().save(tmp_path / "file" / "keys.json")


def test_letters_fit_best_at_the_beginnings_of_words() -> None:
    def score(query: str, text: str) -> float:
        found = match(query, text)
        assert found is not None
        return found[0]

    assert score("acc", "Accept: it is seen") > score("seen", "Accept: it is seen") - 1
    assert score("skip", "Skip: it comes back") > score("skip", "What was skipped, and why")
    assert score("ip", "Skip") < score("sk", "Skip")
    assert match("ng", "Nudge the sound later") is not None
    assert match("udge", "Nudge the sound later") is not None
    assert match("zz", "Nudge the sound later") is None
    assert match("sound nudge", "Nudge the sound later") == (6.5 - 0.021, (0, 1, 2, 3, 4, 10, 11, 12, 13, 14))
    assert match("", "anything") is not None
