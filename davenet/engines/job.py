"""The job of a verb that runs on a cluster, or whose files go to an address: the same events and result as on one machine.

Called by davenet.jobs for specs whose `engine` is not "local" or that have `out`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from davenet import events
from davenet.clips import clip_path, open_clip
from davenet.engines.ray_engine import Lost, RayEngine
from davenet.engines.storage import Store
from davenet.engines.tasks import Outcome, Task, VideoSpec, code_version, run_task
from davenet.errors import UserError
from davenet.files import remove_dead_parts, write_bytes_atomically
from davenet.jobs import ShouldStop, own_job, started
from davenet.media.extract import REPORT_NAME, ExtractReport, n_cores, write_report
from davenet.media.extract_video import is_extracted
from davenet.media.source import open_media
from davenet.specs import DetectSpec, ExtractSpec, TranscribeSpec, VideoRef

_DONE = {"extract": "extracted", "transcribe": "transcribed", "detect": "detected"}
_UNITS = {"extract": "s of video", "transcribe": "s of sound", "detect": "frames"}


def run_by_engine(spec: VideoSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Returns what the verb's own job returns; raises UserError for what the whole job suffers from, and events.Stop."""
    store = None
    if spec.out is not None:
        store = Store(spec.out)
        store.check()
    if spec.engine == "local":
        return _run_and_put(spec, store, emit, stop)
    spec = _settled(spec, emit)
    job = _Job(spec, store, emit, stop)
    engine = RayEngine(
        spec.address,
        n_cores=getattr(spec, "jobs", None) or n_cores(),
        n_gpus=1 if getattr(spec, "device", None) == "cuda" else 0,
        warn=lambda text: emit(events.Message(text, "warning")),
    )
    try:
        with engine, closing(engine.map(run_task, job.tasks(), ticked=job.ticked, stop=stop)) as outcomes:
            for outcome in outcomes:
                job.take(outcome)
        if stop():
            raise events.Stop(job.result())
    finally:
        job.write_report()
    return job.result(finished=True)


def _settled(spec: VideoSpec, emit: events.Emit) -> VideoSpec:
    """Returns a spec that means the same on any machine; raises UserError for what only this one can do."""
    from davenet.labels.food import auto as detectors
    from davenet.labels.speech import auto as recognisers

    if isinstance(spec, ExtractSpec):
        return spec
    named = spec.recogniser if isinstance(spec, TranscribeSpec) else spec.detector
    if named.partition(":")[0] == "import":
        raise UserError(f"{named} reads files of this machine and takes no cluster; leave --engine out.")
    if isinstance(spec, TranscribeSpec):
        if named == "auto":
            choice = recognisers.choose(spec.labels_dir, spec.language)
            emit(events.Message(choice.told))
            spec = spec.model_copy(update={"recogniser": choice.recogniser})
        return spec
    if spec.save_settings:
        raise UserError("--save-settings writes beside the model on one machine; leave --engine out for that once.")
    if named == "auto":
        found = detectors.choose(spec.labels_dir, spec.options())
        emit(events.Message(found.told))
        spec = spec.model_copy(update={**dict(found.options), "detector": found.detector})
    return spec


@dataclass
class _Job:
    """The videos of one spec: what each is worth in progress, what is handed out, and what came of it."""

    spec: VideoSpec
    store: Store | None
    emit: events.Emit
    stop: ShouldStop
    _outcomes: dict[str, Outcome] = field(default_factory=dict)
    _expected: dict[str, float] = field(default_factory=dict)  # of each video, in the verb's unit; 0: not known
    _under_way: dict[str, float] = field(default_factory=dict)
    _notes: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._verb = self.spec.verb
        self._refs = {ref.uid: ref for ref in self.spec.videos}
        remove_dead_parts(self._folder())
        for ref in self.spec.videos:
            self._check_stop()
            self._expected[ref.uid] = _length(self.spec, ref)
        self.emit(started(self._verb, self._total(), _UNITS[self._verb]))
        self._tell()

    def tasks(self) -> Iterator[Task]:
        """Yields a task for each video that is not done, the longest first: at the end no machine waits for another's."""
        code = code_version()
        for ref in sorted(self.spec.videos, key=lambda ref: -round(self._expected[ref.uid])):
            self._check_stop()
            one = self.spec.model_copy(update={"videos": [ref]})
            if isinstance(one, ExtractSpec) and self.store is None and not one.force:
                clip = clip_path(one.clips_dir, ref.uid)
                if ref.url is None and is_extracted(ref, one.settings(), one.clips_dir):
                    self.take(Outcome(ref.uid, "skipped", name=f"clips/{clip.name}"))
                    continue
            self._under_way[ref.uid] = 0.0
            yield Task(one, code, self._given(ref))

    def take(self, came: Outcome | Lost[Task]) -> None:
        """Raises UserError where what was put at the address is not to be seen, or no video would fare better."""
        if isinstance(came, Lost):
            came = _lost(came)
        uid, ref = came.uid, self._refs[came.uid]
        self._under_way.pop(uid, None)
        if came.amount:
            self._expected[uid] = came.amount
        if came.state != "unusable":
            self._keep(came)
        else:
            self.emit(events.Skipped(uid, came.reason))
        for note in came.notes:
            if note not in self._notes:
                self._notes.add(note)
                self.emit(events.Message(note))
        self._outcomes[uid] = Outcome(
            uid, came.state, came.reason, came.name, came.n_bytes, None, came.amount, came.tells
        )
        self._tell(ref.path.name)

    def ticked(self, task: Task, done: float) -> None:
        uid = task.ref.uid
        if uid in self._under_way:
            done = min(done, self._expected[uid] or done)
            self._under_way[uid] = max(done, self._under_way[uid])
            self._tell()

    def result(self, *, finished: bool = False) -> dict[str, Any]:
        by_state = {
            state: [uid for uid in self._refs if uid in self._outcomes and self._outcomes[uid].state == state]
            for state in ("done", "skipped", "unusable")
        }
        unusable = [
            {"uid": uid, "path": str(self._refs[uid].path), "reason": self._outcomes[uid].reason}
            for uid in by_state["unusable"]
        ]
        told = {_DONE[self._verb]: by_state["done"], "skipped": by_state["skipped"], "unusable": unusable}
        tells = [self._outcomes[uid].tells for uid in by_state["done"]]
        if isinstance(self.spec, TranscribeSpec):
            names = [each["recogniser"] for each in tells] or [self.spec.recogniser]
            told |= {"words": sum(each["words"] for each in tells), "recogniser": names[0]}
        elif isinstance(self.spec, DetectSpec):
            names = [each["detector"] for each in tells] or [self.spec.detector]
            told |= {"frames": sum(each["frames"] for each in tells), "detector": names[0]}
        if finished:
            self._remember(tells, any(by_state[state] for state in ("done", "skipped")))
        return told

    def write_report(self) -> None:
        if not isinstance(self.spec, ExtractSpec) or not self._outcomes:
            return
        states = {"done": "extracted", "skipped": "skipped", "unusable": "unusable"}
        reports = [
            ExtractReport(
                uid,
                self._refs[uid].path,
                states[came.state],  # type: ignore[arg-type]
                came.reason,
                came.amount,
                came.tells.get("frames", 0),
            )
            for uid, came in self._outcomes.items()
        ]
        with suppress(UserError):  # where the disk is full that has been said
            write_report(self.spec.clips_dir / REPORT_NAME, reports)

    def _keep(self, came: Outcome) -> None:
        """Takes a finished file into the project, or sees that it lies at the address."""
        if self.store is None:
            if came.content is not None:
                write_bytes_atomically(_in_project(self.spec, came.name), came.content)
            return
        if came.state == "done" and self.store.size(came.name) != came.n_bytes:
            raise UserError(
                f"{self.store.address(came.name)} was written by another machine and is not to be seen from this one; "
                "give an address with --out that all machines share."
            )
        if self.spec.fetch:
            _fetch(self.store, self.spec, came.name, came.n_bytes, is_new=came.state == "done")

    def _given(self, ref: VideoRef) -> dict[str, bytes]:
        """Returns the project's files that the task needs, where machines do not find them at the address."""
        names = []
        clip = f"clips/{clip_path(Path(), ref.uid).name}"
        if isinstance(self.spec, DetectSpec) and (self.store is None or self.store.size(clip) is None):
            names.append(clip)
        if self.store is None and not isinstance(self.spec, ExtractSpec) and not self.spec.force:
            kind = "words" if isinstance(self.spec, TranscribeSpec) else "detections"
            files = (self.spec.labels_dir / ref.uid).glob(f"{kind}.*.jsonl")
            names += [f"labels/{ref.uid}/{path.name}" for path in sorted(files)]
        given = {}
        for name in names:
            with suppress(OSError):  # what is not there the task does without, or says so
                given[name] = _in_project(self.spec, name).read_bytes()
        return given

    def _remember(self, tells: list[Any], is_used: bool) -> None:
        from davenet.labels.detect import told
        from davenet.labels.food import auto as detectors
        from davenet.labels.speech import auto as recognisers

        if isinstance(self.spec, TranscribeSpec):
            recognisers.remember(self.spec.labels_dir, self.spec.recogniser)
        elif isinstance(self.spec, DetectSpec) and is_used:
            seen: Counter[str] = Counter()
            for each in tells:
                seen.update(each["seen"])
            if n_frames := sum(each["frames"] for each in tells):
                self.emit(events.Message(told(seen, n_frames)))
            detectors.remember(self.spec.labels_dir, self.spec.detector, self.spec.options())

    def _folder(self) -> Path:
        return self.spec.clips_dir if isinstance(self.spec, ExtractSpec) else self.spec.labels_dir

    def _check_stop(self) -> None:
        if self.stop():
            raise events.Stop(self.result())

    def _total(self) -> float | None:
        """Returns what lies ahead in all; videos of unknown length count as the others do on average."""
        known = [length for length in self._expected.values() if length]
        return sum(known) * len(self._expected) / len(known) if known else None

    def _tell(self, name: str = "") -> None:
        total = self._total()
        done = sum(self._expected[uid] for uid in self._outcomes) + sum(self._under_way.values())
        note = f"{len(self._outcomes)} of {len(self._refs)} videos" + (f", {name}" if name else "")
        self.emit(events.Progress(min(done, total or done), total, _UNITS[self._verb], note))


def _lost(lost: Lost[Task]) -> Outcome:
    ref = lost.task.ref
    where = ref.url or ref.path
    if lost.why == "fault":
        raise UserError(lost.fault)
    if lost.why == "crashed":
        reason = (
            f"{where} ended each process that worked on it (a damaged file, or too little memory); convert it to MP4 with "
            "H.264 and AAC."
        )
    else:
        reason = f"Too many machines were lost while they worked on {where}; run it again."
    return Outcome(ref.uid, "unusable", reason)


def _in_project(spec: VideoSpec, name: str) -> Path:
    """Returns where a file of a project lies by its name, "clips/…" or "labels/…"."""
    kind, _, rest = name.partition("/")
    folder: Path = getattr(spec, "clips_dir" if kind == "clips" else "labels_dir")
    return folder / rest


def _fetch(store: Store, spec: VideoSpec, name: str, n_bytes: int, *, is_new: bool) -> None:
    """Brings a file into the project; a clip file of that length that is there and was not made anew is kept."""
    path = _in_project(spec, name)
    if is_new or not name.startswith("clips/") or not path.is_file() or path.stat().st_size != n_bytes:
        store.fetch(name, path)


def _length(spec: VideoSpec, ref: VideoRef) -> float:
    """Returns how much a video is to be worked on, in the verb's unit, as far as this machine can tell; else 0."""
    if isinstance(spec, DetectSpec):
        with suppress(UserError):
            return float(open_clip(clip_path(spec.clips_dir, ref.uid)).n_frames)
        return 0.0
    if ref.duration_s is None and ref.url is None:
        with suppress(UserError), open_media(ref.path) as container:
            return max(0.0, (container.duration or 0) / 1_000_000)
    return ref.duration_s or 0.0


# On this machine ------------------------------------------------------------------------------------------------------


def _run_and_put(spec: VideoSpec, store: Store | None, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Runs the verb's own job into the project, and puts what it has finished at the address."""
    assert store is not None
    run: Callable[..., dict[str, Any]] = own_job(spec.verb)
    try:
        result = run(spec, emit, stop)
    except events.Stop as stopped:
        if stopped.args and isinstance(stopped.args[0], dict):
            _put_all(spec, store, stopped.args[0], emit, lambda: False)
        raise
    _put_all(spec, store, result, emit, stop)
    return result


def _put_all(spec: VideoSpec, store: Store, result: dict[str, Any], emit: events.Emit, stop: ShouldStop) -> None:
    uids = [*result[_DONE[spec.verb]], *result["skipped"]]
    made = set(result[_DONE[spec.verb]])
    kind = {"transcribe": "words", "detect": "detections"}.get(spec.verb)
    for number, uid in enumerate(uids):
        if stop():
            raise events.Stop(result)
        if isinstance(spec, ExtractSpec):
            paths = [clip_path(spec.clips_dir, uid)]
        else:
            paths = sorted((spec.labels_dir / uid).glob(f"{kind}.*.jsonl"))
        for path in paths:
            name = f"clips/{path.name}" if isinstance(spec, ExtractSpec) else f"labels/{uid}/{path.name}"
            if uid in made or store.size(name) != path.stat().st_size:
                store.put(path, name)
        emit(events.Progress(number + 1, len(uids), "files", f"put at {spec.out}"))
