"""Imports of transcripts: which words are read of real and of made files, whose video they are, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from media_maker import make_video

from davenet import events
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.speech.transcript_file import UnknownFormatError, read_transcripts
from davenet.labels.words import Transcript, Word, read_transcript, transcript_path, write_transcript
from davenet.specs import TranscribeSpec, VideoRef

SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def written(folder: Path, content: str | bytes | dict[str, Any] | list[Any], name: str = "v.json") -> Path:
    path = folder / name
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def words_in(path: Path) -> list[tuple[str, float, float]]:
    (heard,) = read_transcripts(path)
    return [(word.word, word.start, word.end) for word in heard.words]


def watson(*timestamps: tuple[str, float, float], **values: Any) -> dict[str, Any]:
    said = " ".join(each[0] for each in timestamps)
    first = {"transcript": said, "confidence": 0.9, "timestamps": [list(each) for each in timestamps], **values}
    return {"result_index": 0, "results": [{"final": True, "alternatives": [first, {"transcript": "other"}]}]}


# IBM Watson -----------------------------------------------------------------------------------------------------------


def test_watsons_words_have_their_own_confidence_else_that_of_the_sentence(tmp_path: Path) -> None:
    said = (("crack", 0.5, 0.9), ("%HESITATION", 0.9, 1.2), ("eggs", 1.2, 1.8))
    confident = [["crack", 0.7], ["%HESITATION", 0.2], ["eggs", 1]]
    (heard,) = read_transcripts(written(tmp_path, watson(*said, word_confidence=confident)))
    assert heard.format == "watson-stt"
    assert heard.words == (Word("crack", 0.5, 0.9, 0.7), Word("eggs", 1.2, 1.8, 1.0))
    (heard,) = read_transcripts(written(tmp_path, watson(*said)))
    assert [word.confidence for word in heard.words] == [0.9, 0.9]


def test_watsons_asynchronous_jobs_are_read_out_of_their_envelope_and_interim_results_passed_over(
    tmp_path: Path,
) -> None:
    interim = watson(("crack", 0.5, 0.9)) | {}
    interim["results"][0]["final"] = False
    job = {"id": "1", "status": "completed", "results": [watson(("two", 1, 2)), interim, watson(("eggs", 2, 3))]}
    assert words_in(written(tmp_path, job)) == [("two", 1, 2), ("eggs", 2, 3)]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"id": "1", "status": "processing", "created": "now"}, 'its job is "processing"; fetch it when'),
        (watson(("egg", "x", 2)), r"results\[0\].alternatives\[0\].timestamps\[0\]\[1\] must be a number of seconds"),
        (watson(("egg", 2, 1)), r'word 1 \("egg"\) ends at 1 s, before it begins \(2 s\)'),
        (watson(("egg", -2, 1)), r'word 1 \("egg"\) begins at -2 s, before the beginning'),
        (
            watson(("egg", 1, 2), word_confidence=[["egg", 1.5]]),
            r"word_confidence\[0\]\[1\] must be a number from 0 to 1",
        ),
        (watson(("egg", 1, 10**400)), "must be a number from"),
        ({"results": [{"alternatives": [{"transcript": "egg"}]}]}, "without timestamps; .* timestamps=true"),
        ({"results": [{"alternatives": "egg"}]}, r"alternatives must be a list"),
    ],
)
def test_what_is_wrong_with_watsons_answer_is_told_with_its_place(tmp_path: Path, values: Any, told: str) -> None:
    path = written(tmp_path, values)
    with pytest.raises(UserError, match=told) as raised:
        read_transcripts(path)
    assert str(raised.value).startswith(str(path))
    assert "nothing was imported" in str(raised.value)


@pytest.mark.real
def test_watsons_real_transcripts_are_read(shared_data: Path) -> None:
    folder = shared_data / "annotations" / "watson_stt"
    (ted,) = read_transcripts(folder / "ibmTedTalkTranscript.sample.json")
    assert (len(ted.words), ted.words[0]) == (1780, Word("there", 13.04, 13.23, 0.902))
    (talk,) = read_transcripts(folder / "diarization.json")
    assert (len(talk.words), talk.words[-1].end) == (131, 37.27)
    with pytest.raises(UnknownFormatError):
        read_transcripts(folder / "models_list.json")


# Whisper's dialects ---------------------------------------------------------------------------------------------------

EGGS = [("crack", 1.0, 1.5), ("eggs", 1.5, 2.0)]


@pytest.mark.parametrize(
    "values",
    [
        {"text": "", "segments": [{"start": 1, "end": 2, "text": " Crack eggs.", "words": [
            {"word": " crack", "start": 1, "end": 1.5, "probability": 0.5},
            {"word": " eggs.", "start": 1.5, "end": 2, "probability": 0.5}]}]},
        {"segments": [{"start": 1, "end": 2, "words": [{"text": "crack", "start": 1, "end": 1.5, "confidence": 0.5},
            {"text": "[*]", "start": 1.5, "end": 1.5, "confidence": 0.1},
            {"text": "eggs", "start": 1.5, "end": 2, "confidence": 0.5}]}]},
        [{"id": 0, "start": 1, "end": 2, "text": "x", "words": [{"start": 1, "end": 1.5, "word": " crack", "probability": 0.5},
            {"start": 1.5, "end": 2, "word": " eggs", "probability": 0.5}]}],
        {"word_segments": [], "segments": [{"start": 1, "end": 2, "text": "x", "words": [
            {"word": "crack", "start": 1, "end": 1.5, "score": 0.5}, {"word": "eggs", "start": 1.5, "end": 2, "score": 0.5}]}]},
        {"text": "", "words": [{"word": "crack", "start": 1, "end": 1.5}, {"word": "eggs", "start": 1.5, "end": 2}]},
        {"text": "", "chunks": [{"text": " crack", "timestamp": [1, 1.5]}, {"text": " eggs", "timestamp": [1.5, 2]}]},
        {"transcription": [{"offsets": {"from": 1000, "to": 1500}, "text": " crack"},
            {"offsets": {"from": 1500, "to": 2000}, "text": " eggs"}]},
    ],
    ids=["openai-whisper", "whisper-timestamped", "faster-whisper", "whisperX", "OpenAI", "transformers", "whisper.cpp"],
)  # fmt: skip
def test_each_dialect_of_whispers_json_gives_the_same_words(tmp_path: Path, values: Any) -> None:
    path = written(tmp_path, values)
    assert words_in(path) == EGGS
    assert read_transcripts(path)[0].format == "whisper"


def test_words_of_a_segment_without_times_are_spread_by_their_letters_and_marked(tmp_path: Path) -> None:
    segment = {"start": 10, "end": 12, "text": " (music) An egg white!", "avg_logprob": -0.5}
    (heard,) = read_transcripts(written(tmp_path, {"segments": [segment]}))
    assert [(word.word, word.start, word.end) for word in heard.words] == [
        ("An", 10, 10.4), ("egg", 10.4, 11), ("white", 11, 12)
    ]  # fmt: skip
    assert all(word.approximate and word.confidence == 0.6065 for word in heard.words)


def test_a_number_that_whisperx_could_not_place_lies_between_its_neighbours(tmp_path: Path) -> None:
    words = [{"word": "add", "start": 1, "end": 2}, {"word": "200"}, {"word": "grams", "start": 3, "end": 4}]
    segments = {"segments": [{"start": 0, "end": 5, "text": "", "words": words}]}
    assert words_in(written(tmp_path, segments)) == [("add", 1, 2), ("200", 2, 3), ("grams", 3, 4)]


def test_what_is_heard_but_not_spoken_is_no_word(tmp_path: Path) -> None:
    words = [
        {"word": word, "start": at, "end": at + 1} for at, word in enumerate(["[noise]", "(upbeat", "music)", "egg"])
    ]
    assert [word[0] for word in words_in(written(tmp_path, {"words": words, "text": ""}))] == ["egg"]


@pytest.mark.real
def test_whispers_real_transcripts_are_read(shared_data: Path) -> None:
    folder = shared_data / "annotations"
    (apollo,) = read_transcripts(folder / "whisper" / "apollo11.large.words.json")
    assert (apollo.format, len(apollo.words), apollo.words[0]) == ("whisper", 146, Word("Apollo", 0.36, 0.92, 0.791))
    (french,) = read_transcripts(folder / "whisper" / "smartphone_fr.words.json")
    assert french.words[1] == Word("évident", 0.58, 0.88, 0.984)
    (gentle,) = read_transcripts(folder / "asr_other" / "norman_door_gentle.json")
    assert gentle.format == "gentle"
    assert "noise" not in {word.word for word in gentle.words}


# Captions -------------------------------------------------------------------------------------------------------------

ROLLING = """WEBVTT
Kind: captions

00:00:01.000 --> 00:00:03.000 align:start position:0%
 
crack<00:00:01.500><c> two</c><00:00:02.000><c> eggs</c>

00:00:03.000 --> 00:00:03.010 align:start position:0%
crack two eggs
 

00:00:03.010 --> 00:00:05.000 align:start position:0%
crack two eggs
and<00:00:03.500><c> whisk</c>

00:00:05.000 --> 00:00:05.010 align:start position:0%
and whisk
 
"""  # noqa: W293 - as YouTube writes them


def test_youtubes_rolling_captions_give_each_word_once_with_its_own_time(tmp_path: Path) -> None:
    (heard,) = read_transcripts(written(tmp_path, ROLLING, "v.vtt"))
    assert [(word.word, word.start, word.end) for word in heard.words] == [
        ("crack", 1.0, 1.5), ("two", 1.5, 2.0), ("eggs", 2.0, 3.0), ("and", 3.01, 3.5), ("whisk", 3.5, 5.0)
    ]  # fmt: skip
    assert not any(word.approximate for word in heard.words)


def test_words_of_a_caption_are_spread_over_it_and_marked_approximate(tmp_path: Path) -> None:
    text = "WEBVTT\n\nNOTE an --- aside\n\nintro\n01:00.000 --> 01:02.000\n<v Ann>Salt &amp; <i>egg\nwhite</i>\n"
    (heard,) = read_transcripts(written(tmp_path, text, "v.vtt"))
    assert [(word.word, word.start) for word in heard.words] == [("Salt", 60.0), ("egg", 60.667), ("white", 61.167)]
    assert all(word.approximate for word in heard.words)


def test_srt_is_read_with_a_comma_and_with_overlapping_cues_cut_short(tmp_path: Path) -> None:
    text = "1\r\n00:00:01,000 --> 00:00:05,000\r\n- [Music] crack\r\n\r\n2\r\n00:00:03,000 --> 00:00:05,500\r\neggs\r\n"
    assert words_in(written(tmp_path, text, "v.srt")) == [("crack", 1.0, 3.0), ("eggs", 3.0, 5.5)]


def test_a_line_said_again_after_a_pause_is_said_twice(tmp_path: Path) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nYes\n\n2\n00:00:09,000 --> 00:00:10,000\nYes\n"
    assert [word[1] for word in words_in(written(tmp_path, text, "v.srt"))] == [1.0, 9.0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("WEBVTT\n\n00:03.000 --> 00:01.000\negg", "line 3: the caption ends at 1 s, before it begins"),
        ("WEBVTT\n\n00:03.000 --> soon\negg", 'line 3 has no times around its "-->"'),
        ("WEBVTT\n\n00:01.000 --> 00:09.000\na<00:00:05.000> b<00:00:03.000> c", "goes back from 5 to 3 s"),
        ("1\n-00:00:03,000 --> 00:00:01,000\negg", "begins at -3 s, before the beginning"),
    ],
)
def test_impossible_times_of_captions_are_told_with_their_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_transcripts(written(tmp_path, text, "v.vtt"))


@pytest.mark.real
def test_youtubes_real_captions_are_read(shared_data: Path) -> None:
    (heard,) = read_transcripts(shared_data / "annotations" / "captions" / "youtube_dl.vtt")
    assert [word.word for word in heard.words] == ["yeah", "what", "this", "will", "happen", "is", "I'm", "telling"]
    assert [word.start for word in heard.words if word.word == "happen"] == [304.379]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_captions_are_read_in_odd_encodings(tmp_path: Path, encoding: str) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\ncrème\n"
    (heard,) = read_transcripts(written(tmp_path, text.encode(encoding), "v.srt"))
    assert [word.word for word in heard.words] == ["crème"]
    assert bool(heard.notes) == (encoding == "cp1252")


# CTM ------------------------------------------------------------------------------------------------------------------


def test_ctm_holds_several_recordings_and_the_first_of_alternatives_counts(tmp_path: Path) -> None:
    text = """;; a comment
a 1 0.50 0.40 crack 0.7
a 1 * * <ALT_BEGIN>
a 1 0.90 0.30 eggs NA
a 1 * * <ALT>
a 1 0.90 0.30 legs 0.4
a 1 * * <ALT_END>
b 1 2.0 0.5 %hesitation
b 1 2.5 .5 butter
"""
    found = {heard.named: heard.words for heard in read_transcripts(written(tmp_path, text, "all.ctm"))}
    assert found["a"] == (Word("crack", 0.5, 0.9, 0.7), Word("eggs", 0.9, 1.2, 1.0))
    assert found["b"] == (Word("butter", 2.5, 3.0, 1.0),)


@pytest.mark.parametrize(
    ("line", "told"),
    [("a 1 0.5 -1 egg", "line 2: a word cannot last -1 s"), ("a 1 0.5", "line 2 has 3 fields"),
     ("a 1 0.5 x egg", 'line 2: the length must be a number of seconds, not "x"'),
     ("a 1 0.5 1 egg 7", "line 2: the confidence must be a number from 0 to 1")],
)  # fmt: skip
def test_a_wrong_line_of_ctm_is_told(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_transcripts(written(tmp_path, f"a 1 0 1 an\n{line}\na 1 3 1 egg\n", "v.ctm"))


# Whose words ----------------------------------------------------------------------------------------------------------

SRT = "1\n00:00:00,500 --> 00:00:01,000\negg\n"


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(
        tmp_path_factory.mktemp("media") / "yc2_xHlBWc-7Kwo_eggs.mp4", seconds=2, frame_rate=2, size=(64, 36)
    )


def spec_of(tmp_path: Path, source: Path, *videos: Path, **values: Any) -> TranscribeSpec:
    refs = [VideoRef(uid=f"{path.stem.lower()}-0a1b2c3d", path=path) for path in videos]
    return TranscribeSpec(videos=refs, labels_dir=tmp_path / "labels", recogniser=f"import:{source}", **values)


@pytest.mark.parametrize(
    "name",
    ["yc2_xHlBWc-7Kwo_eggs.srt", "yc2_xhlbwc-7kwo_eggs-0a1b2c3d.en.srt", "yc2_xHlBWc-7Kwo_eggs.mp4.words.srt",
     "xHlBWc-7Kwo.en.srt", "Scrambled eggs [xHlBWc-7Kwo].en.srt"],
)  # fmt: skip
def test_a_transcript_finds_its_video_by_uid_name_stem_or_youtube_id(tmp_path: Path, video: Path, name: str) -> None:
    folder = tmp_path / "captions"
    folder.mkdir()
    written(folder, SRT, name)
    written(folder, "of another video altogether", "another.json")
    spec = spec_of(tmp_path, folder, video)
    result = run_job(spec).result
    assert (result["transcribed"], result["words"]) == ([spec.videos[0].uid], 1)
    transcript = read_transcript(transcript_path(spec.labels_dir, spec.videos[0].uid, "import:srt"))
    assert transcript.words == (Word("egg", 0.5, 1.0, 1.0, approximate=True),)
    assert transcript.settings == {"format": "srt", "imported_from": name}
    assert len(transcript.source_hash) == len(transcript.recogniser_version) == 16


def test_what_the_project_calls_a_video_finds_it_too(tmp_path: Path, video: Path) -> None:
    path = written(tmp_path, SRT, "dQw4w9WgXcQ.srt")
    spec = spec_of(tmp_path, path, video, video.with_name("b.mp4"))
    with pytest.raises(UserError, match="belongs to no video of the project by its name"):
        run_job(spec)
    named = spec.model_copy(update={"names": {spec.videos[0].uid: ["dQw4w9WgXcQ", ""]}})
    assert run_job(named).result["transcribed"] == [spec.videos[0].uid]


def test_one_file_for_one_video_needs_no_name(tmp_path: Path, video: Path) -> None:
    assert run_job(spec_of(tmp_path, written(tmp_path, SRT, "captions.srt"), video)).result["words"] == 1


def test_nothing_is_written_where_one_of_several_transcripts_is_wrong(tmp_path: Path, video: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    other = video.with_name("zucchini.mp4")
    written(folder, SRT, f"{video.stem}.srt")
    written(folder, "1\n00:00:09,000 --> 00:00:01,000\negg\n", "zucchini.srt")
    with pytest.raises(UserError, match=r"zucchini\.srt: line 2: the caption ends at 1 s"):
        run_job(spec_of(tmp_path, folder, video, other))
    assert not list(tmp_path.rglob("words.*"))


def test_words_after_the_end_of_the_video_are_those_of_another(tmp_path: Path, video: Path) -> None:
    late = SRT.replace("00:00:00,500 --> 00:00:01,000", "00:00:02,500 --> 00:00:09,000")
    assert run_job(spec_of(tmp_path, written(tmp_path, late, "a.srt"), video)).result["words"] == 1
    late = late.replace("00:00:02,500", "00:00:08,500")
    with pytest.raises(UserError, match=r"begins at 8.5 s, but yc2_.*mp4 ends at 2.* another video\?"):
        run_job(spec_of(tmp_path, written(tmp_path, late, "a.srt"), video))


def test_captions_in_two_languages_are_chosen_between(tmp_path: Path, video: Path) -> None:
    for language, said in (("de", "ei"), ("en-orig", "egg")):
        written(tmp_path, SRT.replace("egg", said), f"{video.stem}.{language}.srt")
    spec = spec_of(tmp_path, tmp_path, video)
    with pytest.raises(UserError, match=r"both are srt transcripts of .*--language"):
        run_job(spec)
    for language, said in (("en", "egg"), ("de", "ei")):
        run_job(spec.model_copy(update={"language": language}))
        path = transcript_path(spec.labels_dir, spec.videos[0].uid, "import:srt")
        assert [word.word for word in read_transcript(path).words] == [said]


def test_words_files_keep_their_recogniser_and_other_imports_stand_beside_them(tmp_path: Path, video: Path) -> None:
    mine = Transcript("x", "somebody", "3", "h", (Word("egg", 0.1, 0.2, 0.5),), {"beam": 5})
    write_transcript(tmp_path / "words.jsonl", mine)
    spec = spec_of(tmp_path, tmp_path / "words.jsonl", video)
    run_job(spec)
    run_job(spec_of(tmp_path, written(tmp_path, SRT, "v.srt"), video, imported_as="people"))
    folder = spec.labels_dir / spec.videos[0].uid
    assert sorted(path.name for path in folder.iterdir()) == ["words.import-people.jsonl", "words.somebody.jsonl"]
    kept = read_transcript(folder / "words.somebody.jsonl")
    assert (kept.recogniser_version, kept.settings["beam"], kept.words) == ("3", 5, mine.words)


def test_a_words_file_that_a_kill_left_half_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    write_transcript(path, Transcript("v", "t", "1", "h", (Word("a", 0, 1, 1), Word("b", 1, 2, 1))))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    with pytest.raises(UserError, match="holds 1 of its 2 words"):
        read_transcript(path)
    path.write_bytes(b"".join(lines)[:-5])
    with pytest.raises(UserError, match="line 3: it is not JSON"):
        read_transcript(path)


# Anything else --------------------------------------------------------------------------------------------------------


def assert_read_or_told(path: Path) -> None:
    try:
        for heard in read_transcripts(path):
            assert all(0 <= word.start <= word.end and 0 <= word.confidence <= 1 for word in heard.words)
            assert all(word.word.strip() for word in heard.words)
    except UserError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)


REAL = [
    "watson_stt/diarization.json", "watson_stt/docs_async_1_elided.json", "watson_stt/docs_formatting_1.json",
    "whisper/apollo11.large.words.json", "whisper/punctuations.medium.words.json", "captions/youtube_dl.vtt",
    "captions/metadata_headers.vtt", "asr_other/norman_door_gentle.json", "asr_other/cooking_wav2vec_char_timestamps.json",
]  # fmt: skip


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
@SLOW
@given(data=st.data())
def test_real_files_changed_anywhere_are_read_or_told_in_one_line(
    shared_data: Path, tmp_path: Path, name: str, data: st.DataObject
) -> None:
    content = bytearray((shared_data / "annotations" / name).read_bytes()[: 1 << 15])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    assert_read_or_told(written(tmp_path, bytes(content)))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda v: (
        st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(["words", "start", "results", "text"]), v, max_size=3)
    ),
    max_leaves=6,
)


def shortened(values: Any) -> Any:
    if isinstance(values, list):
        return [shortened(each) for each in values[:8]]
    return {key: shortened(each) for key, each in values.items()} if isinstance(values, dict) else values


def places(values: Any) -> list[tuple[Any, Any]]:
    keys = list(values) if isinstance(values, dict) else list(range(len(values))) if isinstance(values, list) else []
    return [(values, key) for key in keys] + [place for key in keys for place in places(values[key])]


@pytest.mark.real
@pytest.mark.parametrize("name", [name for name in REAL if name.endswith("json")])
@SLOW
@given(data=st.data())
def test_any_value_in_any_place_of_real_json_is_read_or_told(
    shared_data: Path, tmp_path: Path, name: str, data: st.DataObject
) -> None:
    values = shortened(json.loads((shared_data / "annotations" / name).read_bytes()))
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(values)
        if not found:
            break
        holder, key = found[data.draw(st.integers(0, len(found) - 1))]
        holder[key] = data.draw(anything)
    assert_read_or_told(written(tmp_path, values))


@SLOW
@given(
    st.text(alphabet="0123456789:.,->< c/\n\r\tegg;*ABLT_[]()♪", max_size=120),
    st.sampled_from(["WEBVTT\n\n", "", "a 1 0 1 b\n"]),
)
@example("00:00:01.000 --> 00:00:02.000\n" + "<" * 2000, "WEBVTT\n\n")
@example("99999999999999999:00:01.000 --> 999999999999999999999:00:02.000\negg", "WEBVTT\n\n")
def test_any_text_is_read_or_told(tmp_path: Path, text: str, head: str) -> None:
    assert_read_or_told(written(tmp_path, head + text, "v.vtt"))


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 99, b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"\x89PNG\r\n" + bytes(range(256))]
)
def test_what_is_no_transcript_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UserError, match=str(tmp_path)):
        read_transcripts(written(tmp_path, content))


def test_an_import_stopped_half_way_writes_nothing(tmp_path: Path, video: Path) -> None:
    spec = spec_of(tmp_path, written(tmp_path, SRT, "v.srt"), video)
    assert isinstance(run_job(spec, stop=lambda: True), events.Cancelled)
    assert not spec.labels_dir.exists()
