"""One video's task: what a machine of a cluster does for it, by the verb's own function for one video.

A task works in a temporary folder of its machine and leaves nothing there. What is finished at the address `out` is seen
by the same rules as on one machine and not made again, so a task may be run any number of times, anywhere.
"""

import functools
import hashlib
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from davenet import events
from davenet.clips import clip_path, open_clip
from davenet.engines.storage import StorageError, Store, split_address
from davenet.errors import UserError, one_line
from davenet.specs import DetectorOptions, DetectSpec, ExtractSpec, TranscriberOptions, TranscribeSpec, VideoRef

VideoSpec = ExtractSpec | TranscribeSpec | DetectSpec
Tick = Callable[[float], None]  # told how much of the video is done, in the verb's unit

_CODE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Task:
    """`spec` is of one video; `given` are files that its machine cannot find elsewhere, by their names in a project."""

    spec: VideoSpec
    code: str  # `code_version` of who hands it out
    given: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def ref(self) -> VideoRef:
        return self.spec.videos[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one video; `name` is its file's in a project ("clips/…", "labels/…"), "" where there is none."""

    uid: str
    state: Literal["done", "skipped", "unusable"]
    reason: str = ""
    name: str = ""
    n_bytes: int = 0
    content: bytes | None = None  # of the file, where it was put nowhere
    amount: float = 0.0  # of the video, in the verb's unit; 0 where it is not known
    tells: Mapping[str, Any] = field(default_factory=dict)  # what the verb's result says beside
    notes: tuple[str, ...] = ()


def run_task(task: Task, tick: Tick) -> Outcome:
    """Runs a task on this machine; raises UserError where no video would fare better, and what `tick` raises."""
    if task.code != code_version():
        raise UserError(
            f"{socket.gethostname()} has another version of this program than the machine that started the job; "
            "install the same on all of them."
        )
    with TemporaryDirectory(prefix="matchmap-", ignore_cleanup_errors=True) as folder:
        bench = _Bench(task, tick, Path(folder))
        try:
            return _OF_VERB[task.spec.verb](bench)
        except _Unusable as error:
            return Outcome(task.ref.uid, "unusable", bench.told(one_line(error)))


@functools.cache
def code_version() -> str:
    """Returns a hash over the core's source: the same on machines whose files come out the same, bit for bit."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(_CODE.rglob("*.py"), key=lambda path: path.relative_to(_CODE).as_posix()):
        digest.update(path.relative_to(_CODE).as_posix().encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


class _Unusable(Exception):  # noqa: N818 - no error: the job goes on with the other videos
    """Why this one video cannot be used."""


class _Bench:
    """A task's temporary folder, laid out as a project's is, and the way to it and from it."""

    def __init__(self, task: Task, tick: Tick, folder: Path) -> None:
        self.task, self.tick, self.folder = task, tick, folder
        self.clips_dir, self.labels_dir = folder / "clips", folder / "labels"
        self.store = Store(task.spec.out) if task.spec.out else None
        self._source: Path | None = None
        for name, content in task.given.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def bring(self, name: str, *, head: bool = False) -> None:
        """Copies a file of `out` here, where there is one; with `head`, what opening a clip file takes."""
        if self.store is not None and not (self.folder / name).exists() and self.store.size(name) is not None:
            (self.store.fetch_head if head else self.store.fetch)(name, self.folder / name)

    def source(self, *, hashed: bool = False) -> VideoRef:
        """Returns the video with a path on this machine; with `hashed`, one that is only good for its content's hash."""
        ref = self.task.ref
        if ref.url is None:
            if not ref.path.is_file():
                raise _Unusable(
                    f"{ref.path} is not to be seen on {socket.gethostname()}; put it where all machines see it, or say "
                    "with --videos-at where they can fetch it."
                )
            return ref
        folder, name = split_address(ref.url)
        path = self.folder / ("hashed" if hashed else "source") / name
        if not path.exists():
            store = Store(folder)
            try:
                (store.fetch_hashed if hashed else store.fetch)(name, path)
            except StorageError as error:
                raise _Unusable(one_line(error)) from error
        self._source = path
        return ref.model_copy(update={"path": path})

    def told(self, reason: str) -> str:
        """Returns a sentence with the names that its reader knows in place of those of the temporary folder."""
        ref = self.task.ref
        if self._source is not None and ref.url is not None:
            reason = reason.replace(str(self._source), ref.url)
        spec = self.task.spec
        project = (spec.labels_dir if isinstance(spec, TranscribeSpec) else spec.clips_dir).parent
        return reason.replace(str(self.folder), (spec.out or str(project)).rstrip("/"))

    def done(self, path: Path, **beside: Any) -> Outcome:
        """Puts a finished file where it belongs, whole, and returns the outcome."""
        name = path.relative_to(self.folder).as_posix()
        n_bytes = path.stat().st_size
        content = None
        if self.store is None:
            content = path.read_bytes()
        else:
            self.store.put(path, name)
        return Outcome(self.task.ref.uid, "done", name=name, n_bytes=n_bytes, content=content, **beside)

    def skipped(self, path: Path, amount: float = 0.0) -> Outcome:
        name = path.relative_to(self.folder).as_posix()
        return Outcome(self.task.ref.uid, "skipped", name=name, n_bytes=path.stat().st_size, amount=amount)


def _extract(bench: _Bench) -> Outcome:
    from davenet.media.extract_video import extract_video, is_extracted

    spec = bench.task.spec
    assert isinstance(spec, ExtractSpec)
    settings = spec.settings()
    path = clip_path(bench.clips_dir, bench.task.ref.uid)
    if not spec.force:
        bench.bring(f"clips/{path.name}", head=True)
        if path.exists() and is_extracted(bench.source(hashed=True), settings, bench.clips_dir):
            return bench.skipped(path, open_clip(path).duration_s)
        path.unlink(missing_ok=True)
    report = extract_video(bench.source(), settings, bench.clips_dir, force=True, tick=bench.tick)
    if report.state == "unusable":
        raise _Unusable(report.reason)
    return bench.done(path, amount=report.duration_s, tells={"frames": report.n_frames})


def _transcribe(bench: _Bench) -> Outcome:
    from davenet.labels.transcribe import is_transcribed, transcribe_with
    from davenet.labels.words import transcript_path

    spec, ref = bench.task.spec, bench.task.ref
    assert isinstance(spec, TranscribeSpec)
    recognise = _transcriber(spec.recogniser, spec.options().model_dump_json())
    path = transcript_path(bench.labels_dir, ref.uid, recognise.name)
    tells = {"recogniser": recognise.name}
    if not spec.force:
        bench.bring(path.relative_to(bench.folder).as_posix())
        if path.exists() and is_transcribed(
            bench.source(hashed=True), recognise, bench.labels_dir, audio_track=spec.audio_track
        ):
            return bench.skipped(path)
    here = spec.model_copy(
        update={"videos": [bench.source()], "labels_dir": bench.labels_dir, "jobs": 1, "force": True}
    )
    result = transcribe_with(recognise, spec.recogniser, here, _ticking(bench), lambda: False)
    _refuse_unusable(result)
    tells |= {"words": result["words"]}
    return bench.done(path, tells=tells, notes=tuple(getattr(recognise, "notes", ())))


def _detect(bench: _Bench) -> Outcome:
    from davenet.labels.detect import detect_with, is_detected
    from davenet.labels.detections import detections_path

    spec, ref = bench.task.spec, bench.task.ref
    assert isinstance(spec, DetectSpec)
    detector = _detector(spec.detector, spec.options().model_dump_json())
    clip = clip_path(bench.clips_dir, ref.uid)
    path = detections_path(bench.labels_dir, ref.uid, detector.name)
    was_given = clip.exists()
    bench.bring(f"clips/{clip.name}", head=True)
    try:
        if not spec.force:
            bench.bring(path.relative_to(bench.folder).as_posix())
            if path.exists() and is_detected(opened := open_clip(clip), detector, bench.labels_dir):
                return bench.skipped(path, opened.n_frames)
        n_frames = open_clip(clip).n_frames
    except UserError as error:
        raise _Unusable(one_line(error)) from error
    if not was_given:
        clip.unlink()
        bench.bring(f"clips/{clip.name}")
    here = spec.model_copy(update={"clips_dir": bench.clips_dir, "labels_dir": bench.labels_dir, "force": True})
    seen: Counter[str] = Counter()
    result = detect_with(detector, here, _ticking(bench), lambda: False, seen)
    _refuse_unusable(result)
    tells = {"detector": detector.name, "frames": result["frames"], "seen": dict(seen)}
    return bench.done(path, amount=n_frames, tells=tells, notes=tuple(getattr(detector, "notes", ())))


_OF_VERB: dict[str, Callable[[_Bench], Outcome]] = {"extract": _extract, "transcribe": _transcribe, "detect": _detect}


@functools.lru_cache(maxsize=1)
def _transcriber(named: str, options: str) -> Any:
    """Returns the recogniser of this process: it is loaded once, not once a video."""
    from davenet.labels.speech.transcriber import open_transcriber

    return open_transcriber(named, TranscriberOptions.model_validate_json(options))


@functools.lru_cache(maxsize=1)
def _detector(named: str, options: str) -> Any:
    from davenet.labels.food.detector import open_detector

    return open_detector(named, DetectorOptions.model_validate_json(options))


def _ticking(bench: _Bench) -> events.Emit:
    def emit(event: events.Event) -> None:
        if isinstance(event, events.Progress):
            bench.tick(event.done)

    return emit


def _refuse_unusable(result: Mapping[str, Any]) -> None:
    for entry in result["unusable"]:
        raise _Unusable(str(entry["reason"]))
