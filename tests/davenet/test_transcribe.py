"""The transcribe job with a recogniser that hears beeps, cutting at pauses, and the real recogniser on real speech."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_maker import make_video
from test_extract_exact import with_two_sounds

from davenet import events
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels import transcribe
from davenet.labels.pieces import STEP_S, Sound, cut_at_pauses, is_silent
from davenet.labels.pocketsphinx import PocketsphinxTranscriber
from davenet.labels.speech.transcriber import open_transcriber
from davenet.labels.speech.voice import chances_each
from davenet.labels.words import Word, read_transcript, transcript_path
from davenet.media.sound import read_sound, stream_sound
from davenet.specs import TranscribeSpec, VideoRef

RATE = 16000


def quiet(event: events.Event) -> None:
    pass


class BeepHearer:
    """Hears "beep" wherever the sound is loud, as a recogniser hears words."""

    name = "beeps"
    rate = 8000

    def __init__(self) -> None:
        self.version = "1"
        self.settings: dict[str, Any] = {}
        self.n_pieces = 0

    def __call__(self, sound: Sound, rate: int) -> list[Word]:
        self.n_pieces += 1
        steps = np.abs(sound[: len(sound) // 80 * 80]).reshape(-1, 80).max(axis=1) > 0.1
        edges = np.flatnonzero(np.diff(np.concatenate([[0], steps.astype(int), [0]])))
        return [Word("beep", a / 100, b / 100, 0.5) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@pytest.fixture
def hearer(monkeypatch: pytest.MonkeyPatch) -> BeepHearer:
    hearer = BeepHearer()
    monkeypatch.setattr(transcribe, "open_transcriber", lambda named, options: hearer)
    return hearer


def spec_of(folder: Path, *paths: Path, **values: Any) -> TranscribeSpec:
    videos = [VideoRef(uid=path.stem, path=path) for path in paths]
    return TranscribeSpec(videos=videos, labels_dir=folder / "labels", recogniser="beeps", jobs=1, **values)


# Cutting --------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 4000), max_size=30), st.integers(0, 2**32 - 1))
def test_pieces_are_the_whole_sound_in_order_and_of_bounded_length(lengths: list[int], seed: int) -> None:
    sound = np.random.default_rng(seed).normal(0, 0.1, sum(lengths)).astype(np.float32)
    blocks = np.split(sound, np.cumsum(lengths)[:-1]) if lengths else []
    pieces = list(cut_at_pauses(blocks, 1000, shortest_s=2.0, longest_s=5.0))
    assert np.array_equal(np.concatenate([piece.sound for piece in pieces]) if pieces else sound[:0], sound)
    starts = np.cumsum([0, *(len(piece.sound) for piece in pieces)])
    assert [piece.start_s for piece in pieces] == list(starts[:-1] / 1000)
    assert all(2000 <= len(piece.sound) <= 5000 for piece in pieces[:-1])


def test_a_cut_falls_into_the_pause_between_words() -> None:
    sound = np.random.default_rng(0).normal(0, 0.2, 12 * RATE).astype(np.float32)
    for pause_s in (4.0, 8.0):
        sound[int(pause_s * RATE) : int((pause_s + 0.4) * RATE)] *= 0.01
    pieces = list(cut_at_pauses([sound], RATE, shortest_s=2.0, longest_s=6.0))
    cuts = [piece.start_s for piece in pieces[1:]]
    assert [round(cut - 0.2) for cut in cuts[:2]] == [4, 8]
    assert all(0.05 < cut % 4 < 0.35 for cut in cuts[:2])


def test_a_cut_falls_where_nobody_speaks_though_music_is_loudest_there() -> None:
    sound = np.random.default_rng(0).normal(0, 0.05, 12 * RATE).astype(np.float32)
    sound[4 * RATE : 5 * RATE] *= 5
    talk = np.where(np.abs(np.arange(1200) / 100 - 4.5) < 0.5, 0.02, 0.9)
    (piece, *_) = cut_at_pauses(
        [sound], RATE, shortest_s=2.0, longest_s=6.0, voice=lambda part: talk[: len(part) // 160]
    )
    assert 4.1 < len(piece.sound) / RATE < 4.9


def test_only_sound_in_which_nobody_can_be_heard_is_silent() -> None:
    assert is_silent(np.zeros(RATE, np.float32), RATE)
    assert is_silent(np.zeros(0, np.float32), RATE)
    murmur = np.zeros(10 * RATE, np.float32)
    murmur[RATE : 2 * RATE] = 0.01
    assert not is_silent(murmur, RATE)


# The job --------------------------------------------------------------------------------------------------------------


def test_words_lie_on_the_videos_clock_across_pieces(tmp_path: Path, hearer: BeepHearer) -> None:
    video = make_video(tmp_path / "long.mp4", seconds=100, frame_rate=2, size=(64, 36))
    result = run_job(spec_of(tmp_path, video), quiet).result
    transcript = read_transcript(transcript_path(tmp_path / "labels", "long", "beeps"))
    assert hearer.n_pieces >= 3
    assert result == {"transcribed": ["long"], "skipped": [], "unusable": [], "words": 100, "recogniser": "beeps"}
    np.testing.assert_allclose([word.start for word in transcript.words], np.arange(100), atol=0.03)
    np.testing.assert_allclose([word.end for word in transcript.words], np.arange(100) + 0.1, atol=0.03)


def test_what_is_done_is_skipped_until_something_changes(tmp_path: Path, hearer: BeepHearer) -> None:
    spec = spec_of(tmp_path, make_video(tmp_path / "a.mp4", seconds=2, size=(64, 36)))
    assert run_job(spec, quiet).result["transcribed"] == ["a"]
    assert run_job(spec, quiet).result["skipped"] == ["a"]
    assert run_job(spec.model_copy(update={"force": True}), quiet).result["transcribed"] == ["a"]
    hearer.settings = {"model": "another"}
    assert run_job(spec, quiet).result["transcribed"] == ["a"]
    transcript_path(tmp_path / "labels", "a", "beeps").write_bytes(b"half a he")
    assert run_job(spec, quiet).result["transcribed"] == ["a"]
    make_video(tmp_path / "a.mp4", seconds=3, size=(64, 36))
    assert run_job(spec, quiet).result["words"] == 3


def test_bad_videos_are_told_and_never_stop_the_rest(tmp_path: Path, hearer: BeepHearer) -> None:
    mute = make_video(tmp_path / "mute.mp4", seconds=1, size=(64, 36), sound=None)
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"no video at all")
    good = make_video(tmp_path / "good.mp4", seconds=2, size=(64, 36))
    told: list[events.Event] = []
    result = run_job(spec_of(tmp_path, tmp_path / "gone.mp4", mute, junk, good), told.append).result
    assert result["transcribed"] == ["good"]
    assert [entry["uid"] for entry in result["unusable"]] == ["gone", "mute", "junk"]
    assert [event.item for event in told if isinstance(event, events.Skipped)] == ["gone", "mute", "junk"]
    assert "has no sound" in result["unusable"][1]["reason"]


def test_a_silent_video_has_no_words_and_the_recogniser_is_not_asked(tmp_path: Path, hearer: BeepHearer) -> None:
    spec = spec_of(tmp_path, make_video(tmp_path / "still.mp4", seconds=2, size=(64, 36), sound="silence"))
    assert run_job(spec, quiet).result["words"] == 0
    assert hearer.n_pieces == 0
    assert transcript_path(tmp_path / "labels", "still", "beeps").is_file()


def test_a_stop_keeps_finished_videos_and_leaves_no_half_file(tmp_path: Path, hearer: BeepHearer) -> None:
    paths = [make_video(tmp_path / f"{name}.mp4", seconds=2, size=(64, 36)) for name in "ab"]

    def answers() -> Iterator[bool]:
        yield from [False, False, False]  # before a, after its only piece, before b
        yield True

    asked = answers()
    final = run_job(spec_of(tmp_path, *paths), quiet, lambda: next(asked))
    assert isinstance(final, events.Cancelled)
    assert final.result["transcribed"] == ["a"]
    assert transcript_path(tmp_path / "labels", "a", "beeps").is_file()
    assert list((tmp_path / "labels").rglob("b/*")) == []


def test_progress_never_goes_back_and_ends_at_its_total(tmp_path: Path, hearer: BeepHearer) -> None:
    told: list[events.Event] = []
    paths = [make_video(tmp_path / f"{name}.mp4", seconds=2, size=(64, 36)) for name in "ab"]
    run_job(spec_of(tmp_path, *paths), told.append)
    done = [event.done for event in told if isinstance(event, events.Progress)]
    assert done == sorted(done)
    (total,) = {event.total for event in told if isinstance(event, events.Progress)}
    assert done[-1] == total


def test_an_unknown_recogniser_is_told_with_those_there_are() -> None:
    with pytest.raises(UserError, match='no recogniser named "whisper"; choose one of: pocketsphinx'):
        open_transcriber("whisper")


# The real recogniser --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pocketsphinx() -> PocketsphinxTranscriber:
    return PocketsphinxTranscriber()


def test_noise_and_moments_give_no_fillers_and_no_crash(pocketsphinx: PocketsphinxTranscriber) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, RATE).astype(np.float32)
    for sound in (noise[:0], noise[:1], noise[:1600], noise, np.zeros(RATE, np.float32), noise * 100):
        for word in pocketsphinx(sound, RATE):
            assert word.word[0] not in "<[+"
            assert "(" not in word.word


@pytest.mark.real
def test_pocketsphinx_hears_a_piece_alike_whatever_it_heard_before(
    shared_data: Path, pocketsphinx: PocketsphinxTranscriber
) -> None:
    piece = read_sound(shared_data / "videos" / "pllava_cooking_show_cocoa.mp4")[: 3 * RATE]
    other = read_sound(shared_data / "videos" / "decord_flipping_a_pancake.mkv")[: 3 * RATE]
    alone = pocketsphinx(piece, RATE)
    pocketsphinx(other, RATE)
    assert pocketsphinx(piece, RATE) == alone and alone


def test_pocketsphinx_hears_banana_at_forty_seconds(shared_data: Path, tmp_path: Path) -> None:
    video = shared_data / "videos" / "autoeditor_example_banana_at_40s.mp4"
    spec = TranscribeSpec(videos=[VideoRef(uid="v", path=video)], labels_dir=tmp_path)
    run_job(spec, quiet)
    words = read_transcript(transcript_path(tmp_path, "v", "pocketsphinx")).words
    bananas = [word for word in words if word.word == "banana"]
    assert [round(word.start) for word in bananas] == [17, 40]
    assert all(0 <= word.confidence <= 1 and word.start < word.end for word in words)
    said = "hello this is an example video for your convenience and pleasure"
    assert [word.word for word in words][:11] == said.split()


@pytest.mark.real
@pytest.mark.timeout(900)
def test_pocketsphinx_hears_mayonnaise_and_butter_where_people_annotated_them(
    shared_data: Path, pocketsphinx: PocketsphinxTranscriber
) -> None:
    """Hears only the pieces that hold 19 to 41 s: each is heard by itself, and all of them would take a minute."""
    video = shared_data / "videos" / "yc2_xHlBWc-7Kwo_scrambled_eggs.mp4"
    words = []
    voice = lambda sound: chances_each(sound, STEP_S)  # noqa: E731
    for piece in cut_at_pauses(stream_sound(video, RATE, 5.0), RATE, voice=voice):
        if piece.start_s < 41 and piece.start_s + len(piece.sound) / RATE > 19:
            heard = pocketsphinx(piece.sound, RATE)
            words += [(word.word, piece.start_s + word.start, piece.start_s + word.end) for word in heard]
    assert any(word == "mayonnaise" and 19 <= start and end <= 29 for word, start, end in words), words
    assert any(word == "butter" and 37 <= start and end <= 41 for word, start, end in words), words


def test_the_track_that_is_asked_for_is_heard_and_another_one_is_heard_anew(tmp_path: Path, hearer: BeepHearer) -> None:
    path = with_two_sounds(tmp_path / "a.mp4")  # the second begins half a second later
    found = transcript_path(tmp_path / "labels", "a", "beeps")

    def begins_s(**values: Any) -> float:
        result = run_job(spec_of(tmp_path, path, **values), quiet).result
        assert result["transcribed"] == ["a"]
        return read_transcript(found).words[0].start

    assert begins_s() == pytest.approx(0.0, abs=0.05)
    assert begins_s(audio_track=2) == pytest.approx(0.5, abs=0.05)
    assert run_job(spec_of(tmp_path, path, audio_track=2), quiet).result["skipped"] == ["a"]
    assert begins_s(audio_track=1) == pytest.approx(0.0, abs=0.05)
    (refused,) = run_job(spec_of(tmp_path, path, audio_track=3), quiet).result["unusable"]
    assert "2 sound tracks, and no track 3" in refused["reason"]
