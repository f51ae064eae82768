"""From videos to weakly-labelled pairs: extract, transcribe, detect and mine (Section 6)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from annotator.project import Project
from davenet.errors import UserError
from davenet.labels.food.auto import choose
from davenet.labels.food.detector import detector_names
from davenet.labels.label_file import source_slug
from davenet.labels.matching import matching_of
from davenet.labels.speech.transcriber import transcriber_names
from davenet.pairs import read_pairs
from davenet.specs import DetectorOptions, DetectSpec, ExtractSpec, MineSpec, TranscribeSpec, VideoRef


def plan_extract(
    project: Project, *, videos: Sequence[str] | None = None, force: bool = False, **settings: Any
) -> ExtractSpec:
    """`settings` are ExtractSpec's other fields; raises UserError for impossible ones."""
    try:
        return ExtractSpec(videos=_refs(project, videos), clips_dir=project.clips_dir, force=force, **settings)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"Extraction's {'.'.join(map(str, first['loc']))}: {first['msg']}; correct it.") from error


def collect_extract(project: Project, spec: ExtractSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    return _collect_by_video(project, spec, result, "extracted")


def plan_transcribe(
    project: Project,
    recogniser: str = "auto",
    *,
    force: bool = False,
    videos: Sequence[str] | None = None,
    **options: Any,
) -> TranscribeSpec:
    """`recogniser` is NAME[:MODEL], "import:FILE_OR_FOLDER" or "auto"; `options` are others of TranscribeSpec's fields.

    Raises UserError for impossible ones and a file that is missing.
    """
    kind, _, rest = recogniser.partition(":")
    if kind == "import" and not rest:
        raise UserError(f"{recogniser} names no transcripts; use import:FILE or import:FOLDER.")
    if kind == "import" and options.get("audio_track") is not None:
        raise UserError("--audio-track chooses the sound to hear, and imported words were heard already; leave it out.")
    if kind == "import" or (kind == "faster-whisper" and rest and Path(rest).expanduser().is_dir()):
        recogniser = f"{kind}:{_existing(Path(rest))}"
    elif kind not in (*transcriber_names(), "auto"):
        known = ", ".join([*transcriber_names(), "import:FILE_OR_FOLDER", "auto"])
        raise UserError(f'There is no recogniser named "{recogniser}"; choose one of: {known}.')
    refs = _refs(project, videos)
    given = {name: value for name, value in options.items() if value is not None}
    wanted = {ref.uid for ref in refs}
    names = {each.uid: [each.corpus_id, each.title] for each in project.store.videos() if each.uid in wanted}
    try:
        return TranscribeSpec(
            videos=refs, labels_dir=project.labels_dir, recogniser=recogniser, names=names, force=force, **given
        )
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"][0] == "language":
            raise UserError(
                f'"{options["language"]}" is no language; give its code, such as en, de or pt-BR.'
            ) from error
        raise UserError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}; correct it.") from error


def collect_transcribe(project: Project, spec: TranscribeSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    summary = _collect_by_video(project, spec, result, "transcribed")
    return {**summary, "words": result.get("words", 0), "recogniser": result.get("recogniser", "")}


def plan_detect(
    project: Project,
    detector: str = "auto",
    *,
    force: bool = False,
    videos: Sequence[str] | None = None,
    save_settings: bool = False,
    clips_elsewhere: bool = False,
    **options: Any,
) -> DetectSpec:
    """`options` are DetectorOptions' fields; `save_settings` has them written beside an ONNX model that could be used;
    with `clips_elsewhere` the clip files need not be in the project.

    Raises UserError for impossible ones, a file that is missing, and where no video is extracted that a detector could
    look at.
    """
    refs = _refs(project, videos)
    kind, _, name = detector.partition(":")
    if kind == "import" and not name:
        raise UserError(f"{detector} names no detections; use import:FILE or import:FOLDER.")
    if kind == "onnx" and not name:
        raise UserError(f"{detector} names no model; use onnx:MODEL.")
    if kind in ("onnx", "import"):
        detector = f"{kind}:{_existing(Path(name))}"
    elif kind == "clip" and name and Path(name).expanduser().is_dir():
        detector = f"clip:{_existing(Path(name))}"
    elif kind not in (*detector_names(), "auto"):
        known = ", ".join([*(f"{known}:…" for known in detector_names()), "import:FILE", "auto"])
        raise UserError(f'There is no food detector "{detector}"; choose one of: {known}.')
    if kind != "import" and not clips_elsewhere and not any(project.clip_path(ref.uid).exists() for ref in refs):
        raise UserError(f"No video of {project.path} is extracted yet; extract first.")
    given = {name: value for name, value in options.items() if value is not None}
    for option in ("classes", "food_classes", "food_words", "non_food"):
        if isinstance(given.get(option), Path):
            given[option] = _existing(given[option])
    try:
        asked = DetectorOptions.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}; correct it.") from error
    if kind == "auto":
        choose(project.labels_dir, asked)  # where there is none, its remedies are told before a job begins
    places = {"videos": refs, "clips_dir": project.clips_dir, "labels_dir": project.labels_dir}
    return DetectSpec.model_validate(
        {
            **asked.model_dump(exclude_none=True),
            **places,
            "detector": detector,
            "force": force,
            "save_settings": save_settings,
        }
    )


def collect_detect(project: Project, spec: DetectSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    return _collect_by_video(project, spec, result, "detected")


def plan_mine(
    project: Project,
    *,
    recogniser: str | None = None,
    detector: str | None = None,
    synonyms: Path | None = None,
    videos: Sequence[str] | None = None,
    **rules: Any,
) -> MineSpec:
    """`rules` are MineSpec's thresholds, its seed and how labels match the words.

    Raises UserError for impossible ones, and where no video has words, or detections, by those asked for.
    """
    refs = _refs(project, videos)
    named = {ref.uid for ref in refs}
    states = [state for state in project.video_states() if state.video.uid in named]
    _refuse_without(
        [state.detectors for state in states],
        detector,
        f"No video of {project.path} has detections",
        "detect its foods",
    )
    _refuse_without(
        [state.recognisers for state in states], recogniser, f"No video of {project.path} has words", "transcribe"
    )
    try:
        spec = MineSpec.model_validate(
            {
                "videos": refs,
                "splits": {state.video.uid: state.video.split for state in states},
                "clips_dir": project.clips_dir,
                "labels_dir": project.labels_dir,
                "out": project.mined_pairs_path,
                "recogniser": recogniser,
                "detector": detector,
                "synonyms": synonyms and _existing(synonyms),
                **rules,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"Mining's {'.'.join(map(str, first['loc']))}: {first['msg']}; correct it.") from error
    matching_of(spec.match, spec.synonyms)  # a file that is wrong is told before a job begins
    return spec


def collect_mine(project: Project, spec: MineSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the mined pairs into the review queue; pairs of these videos that were not found again become inactive.

    Returns the job's result with "mining", "videos" (how many), and what changed: "new", "again", "gone" and
    "gone_decided" pairs.
    """
    mined = result["by_video"]  # a video that could not be mined this time keeps its pairs
    changes = project.store.put_pairs(
        list(read_pairs(spec.out)),
        dict(result["settings"]),
        videos=list(mined),
        detectors={uid: found["detector"] for uid, found in mined.items()},
        recognisers={uid: found["recogniser"] for uid, found in mined.items()},
    )
    paths = {ref.uid: ref.path for ref in spec.videos}
    problems = [(paths[entry["uid"]], entry["uid"], entry["reason"]) for entry in result["unusable"]]
    project.store.record_problems(spec.verb, problems, solved=[paths[uid] for uid in mined])
    return {
        **result,
        "mining": changes.mining.id,
        "videos": len(mined),
        "new": changes.new,
        "again": changes.again,
        "gone": changes.gone,
        "gone_decided": changes.gone_decided,
    }


def _refuse_without(found: Sequence[Sequence[str]], wanted: str | None, none_has: str, remedy: str) -> None:
    """Raises UserError where no video has labels by the source that is wanted, with the names of those that are there."""
    names = sorted({name for some in found for name in some})
    if not names:
        raise UserError(f"{none_has} yet; {remedy} first.")
    if wanted is not None and source_slug(wanted) not in names:
        raise UserError(f"{none_has} by {wanted}; there are those by {', '.join(names)}.")


def _refs(project: Project, videos: Sequence[str] | None) -> list[VideoRef]:
    if videos is None:
        found = project.store.videos()
        if not found:
            raise UserError(f"{project.path} has no videos; import some first.")
    else:
        found = [project.store.video(uid) for uid in videos]
    return [VideoRef(uid=video.uid, path=video.path, duration_s=video.duration_s) for video in found]


def _existing(path: Path) -> Path:
    path = path.expanduser().absolute()
    if not path.exists():
        raise UserError(f"{path} does not exist; check its name.")
    return path


def _collect_by_video(
    project: Project, spec: ExtractSpec | TranscribeSpec | DetectSpec, result: Mapping[str, Any], done: str
) -> dict[str, Any]:
    """Notes why videos could not be used, so that the app can say so later, and returns the job's result."""
    paths = {ref.uid: ref.path for ref in spec.videos}
    solved = [paths[uid] for key in (done, "skipped") for uid in result.get(key, []) if uid in paths]
    unusable = list(result.get("unusable", []))
    problems = [(paths[entry["uid"]], entry["uid"], entry["reason"]) for entry in unusable if entry.get("uid") in paths]
    project.store.record_problems(spec.verb, problems, solved=solved)
    return {done: list(result.get(done, [])), "skipped": list(result.get("skipped", [])), "unusable": unusable}
