"""The keyword spotter hears the food words that are said, in real synthesised speech."""

import shutil
import subprocess
from pathlib import Path

import pytest

from davenet.errors import UserError
from davenet.labels.pocketsphinx_keywords import KeywordTranscriber
from davenet.media.sound import read_sound


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_food_words_are_spotted_where_they_are_said(tmp_path: Path) -> None:
    spoken = tmp_path / "spoken.wav"
    text = "now we take the mushroom and put it next to the watermelon"
    subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(spoken)], check=True)
    sound = read_sound(spoken, rate=16000)
    found = KeywordTranscriber(("mushroom", "watermelon", "strawberry"))(sound, 16000)
    assert [word.word for word in found] == ["mushroom", "watermelon"]
    assert 0.3 < found[0].start < found[0].end < found[1].start < found[1].end <= len(sound) / 16000
    assert all(0 <= word.confidence <= 1 for word in found)


def test_words_that_cannot_be_pronounced_are_told() -> None:
    with pytest.raises(UserError, match="can pronounce none"):
        KeywordTranscriber(("xqzzk",))
