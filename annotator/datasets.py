"""Dataset versions: which pairs a run learns from and is measured on, chosen by verdicts, frozen and named by a hash.

A version is datasets/ID.jsonl in the project (a pair a line, with its split and why it is there) and a row of the
database; neither ever changes. `annotator dataset` and the form of a new run make them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from annotator.pair_splits import leaking_videos, non_food_of, split_accepted
from annotator.project import Project
from annotator.store.records import DatasetRow, Judgement, PairRecord, Split
from davenet.errors import UserError
from davenet.files import write_text_atomically
from davenet.pairs import Pair, WeakLabel

AcceptedBy = Literal["final", "everyone", "these"]
Why = Literal["accepted", "unjudged", "non-food"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What goes into a version.

    `accepted_by`: "final" takes what pairs came out as; "everyone" those that all who judged them accepted; "these" those
    that one of `reviewers` accepted and none of them turned down. `unjudged` lets pairs that nobody has judged yet train
    as well: Recall@10 is measured on accepted pairs only. `corrections` applies the verdicts' labels and sound offsets.
    """

    accepted_by: AcceptedBy = "final"
    reviewers: tuple[str, ...] = ()
    splits: tuple[Split, ...] = ("train", "validation", "test")
    unjudged: bool = False
    non_food: bool = True
    corrections: bool = True

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Selection":
        """Returns the selection that a version's record tells; members of later versions are passed over."""
        known = {field.name for field in fields(cls)}
        given: dict[str, Any] = {name: value for name, value in values.items() if name in known}
        for name, value in given.items():
            given[name] = tuple(value) if isinstance(value, list) else value
        return cls(**given)


@dataclass(frozen=True, slots=True)
class DatasetPair:
    pair: Pair
    split: Split
    why: Why


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """A frozen version; `counts` says how many pairs of each kind, how they were split, and which videos leak."""

    id: int
    hash: str
    at: datetime
    parent: int | None
    selection: Selection
    counts: Mapping[str, Any]
    path: Path

    @property
    def warning(self) -> str:
        return leak_warning(self.counts)


@dataclass(frozen=True, slots=True)
class DatasetChanges:
    """What differs between two versions, as uids of pairs."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    moved: tuple[str, ...]  # to another split
    relabelled: tuple[str, ...]
    nudged: tuple[str, ...]  # their sound

    def sentence(self) -> str:
        parts = [
            f"{len(uids):,} {name}"
            for name in ("added", "removed", "moved", "relabelled", "nudged")
            if (uids := getattr(self, name))
        ]
        return ", ".join(parts) if parts else "no pair differs"


def preview(project: Project, selection: Selection) -> dict[str, Any]:
    """Returns the counts that a version of this selection would have now; raises UserError as `freeze` does."""
    return choose(project, selection)[1]


def freeze(project: Project, selection: Selection) -> DatasetVersion:
    """Freezes the pairs of a selection; where nothing has changed since the newest version, returns that one.

    Raises UserError where there are too few accepted pairs for any run, or the file cannot be written.
    """
    if selection.accepted_by == "these" and not selection.reviewers:
        raise UserError("Whose verdicts should count? Name at least one reviewer.")
    chosen, counts = choose(project, selection)
    text = "".join(_line(each) + "\n" for each in chosen)
    hash_ = _hash(text.encode())
    newest = next(iter(project.store.datasets()), None)
    if newest is not None and newest.hash == hash_ and Selection.of(newest.selection) == selection:
        return _version(project, newest)

    def write(number: int) -> None:
        path = _path(project, number)
        path.parent.mkdir(exist_ok=True)
        write_text_atomically(path, text)

    try:
        row = project.store.add_dataset(
            hash_,
            parent=None if newest is None else newest.id,
            selection=asdict(selection),
            counts=counts,
            write=write,
        )
    except OSError as error:
        raise UserError(f"{project.datasets_dir} cannot be written ({error.strerror}); check the disk.") from error
    return _version(project, row)


def versions(project: Project) -> list[DatasetVersion]:
    """Returns the project's dataset versions, the newest first."""
    return [_version(project, row) for row in project.store.datasets()]


def version(project: Project, name: int | str) -> DatasetVersion:
    """Returns the version of a number, or the newest for "latest"; raises UserError where there is none."""
    if name == "latest":
        newest = next(iter(project.store.datasets()), None)
        if newest is None:
            raise UserError(f"{project.path} has no dataset yet; freeze one: annotator dataset freeze {project.path}")
        return _version(project, newest)
    try:
        return _version(project, project.store.dataset(int(name)))
    except ValueError as error:
        raise UserError(f"{name} is no dataset; give its number, or latest.") from error


def read(dataset: DatasetVersion) -> list[DatasetPair]:
    """Returns a version's pairs; raises UserError where its file is gone or is not what was frozen."""
    try:
        content = dataset.path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{dataset.path} cannot be read ({error.strerror}); bring it back, or freeze a new dataset."
        ) from error
    if _hash(content) != dataset.hash:
        raise UserError(f"{dataset.path} was changed since it was frozen; bring it back, or freeze a new dataset.")
    return [_of_line(line) for line in content.decode("utf-8").split("\n") if line]


def changes(old: DatasetVersion, new: DatasetVersion) -> DatasetChanges:
    """Returns what differs between two versions; raises UserError as `read` does."""
    before = {each.pair.uid: each for each in read(old)}
    after = {each.pair.uid: each for each in read(new)}
    both = [(before[uid], each) for uid, each in after.items() if uid in before]
    return DatasetChanges(
        tuple(uid for uid in after if uid not in before),
        tuple(uid for uid in before if uid not in after),
        tuple(b.pair.uid for a, b in both if a.split != b.split),
        tuple(b.pair.uid for a, b in both if _class(a.pair) != _class(b.pair)),
        tuple(b.pair.uid for a, b in both if a.pair.sound_offset_s != b.pair.sound_offset_s),
    )


def verdicts_since(project: Project, dataset: DatasetVersion) -> int:
    """Returns how many verdicts were given between a version's predecessor and itself."""
    if dataset.parent is None:
        return 0
    return project.store.verdicts_between(project.store.dataset(dataset.parent).at, dataset.at)


def leak_warning(counts: Mapping[str, Any]) -> str:
    """Returns the sentence to show where a split leaks a video, '' where none does."""
    leaks = counts.get("leaks") or []
    if not leaks:
        return ""
    one, other = leaks[0]
    more = f" ({len(leaks)} such videos)" if len(leaks) > 1 else ""
    if one == other:
        return f"The split leaks: {one} has pairs in training and in validation, so Recall@10 will flatter{more}."
    return f"The split leaks: {one} (training) and {other} (validation) are the same video, so Recall@10 will flatter{more}."


# -- choosing ------------------------------------------------------------------------------------------------------


def choose(project: Project, selection: Selection) -> tuple[list[DatasetPair], dict[str, Any]]:
    """Returns the pairs that a version of this selection would have now, and its counts; freezes nothing."""
    judged: dict[str, list[Judgement]] = {}
    for judgement in project.store.judgements():
        judged.setdefault(judgement.pair_uid, []).append(judgement)
    accepted = _accepted(project, selection, judged)
    split_of = {video.uid: video.split for video in project.store.videos()}
    records = project.store.pairs(accepted, reviewer="")
    corrected = [_corrected(record, accepted[record.uid]) if selection.corrections else record for record in records]
    by_split: dict[Split, list[PairRecord]] = {"train": [], "validation": [], "test": []}
    for record in sorted(corrected, key=lambda pair: (pair.position, pair.uid)):
        if split_of[record.video_uid] in selection.splits:
            by_split[split_of[record.video_uid]].append(record)
    train, validation, how = split_accepted(project, by_split)
    unjudged = _unjudged(project, judged, split_of, validation) if selection.unjudged else []
    non_food = non_food_of(project, [*train, *unjudged]) if selection.non_food else []
    used = {pair.uid for pair in [*train, *validation]}
    test = [pair for pair in by_split["test"] if pair.uid not in used]
    parts: tuple[tuple[Sequence[PairRecord], Split, Why], ...] = (
        (train, "train", "accepted"),
        (unjudged, "train", "unjudged"),
        (non_food, "train", "non-food"),
        (validation, "validation", "accepted"),
        (test, "test", "accepted"),
    )
    chosen = [DatasetPair(pair.to_pair(), split, why) for pairs, split, why in parts for pair in pairs]
    counts = {
        "train_accepted": len(train),
        "train_unjudged": len(unjudged),
        "train_non_food": len(non_food),
        "validation": len(validation),
        "test": len(test),
        "how": how,
        "leaks": [list(titles) for titles in leaking_videos(project, [*train, *unjudged], validation)],
        "corrected": sum(_class(a.to_pair()) != _class(b.to_pair()) for a, b in zip(records, corrected, strict=True)),
        "nudged": sum(a.sound_offset_s != b.sound_offset_s for a, b in zip(records, corrected, strict=True)),
        "judged": len(judged),
    }
    return chosen, counts


def _accepted(project: Project, selection: Selection, judged: Mapping[str, list[Judgement]]) -> dict[str, Judgement]:
    """Returns the verdict by which each pair is in, by the pair's uid."""
    if selection.accepted_by == "final":
        by_uid = {judgement.verdict_uid: judgement for some in judged.values() for judgement in some}
        finals = project.store.final_verdicts()
        return {uid: by_uid[final.verdict_uid] for uid, final in finals.items() if final.decision == "accept"}
    whose = set(selection.reviewers) if selection.accepted_by == "these" else None
    found = {}
    for uid, some in judged.items():
        counted = [judgement for judgement in some if whose is None or judgement.reviewer in whose]
        if counted and all(judgement.decision == "accept" for judgement in counted):
            found[uid] = counted[-1]
    return found


def _unjudged(
    project: Project,
    judged: Mapping[str, list[Judgement]],
    split_of: Mapping[str, Split],
    validation: Sequence[PairRecord],
) -> list[PairRecord]:
    """Returns the food pairs of training videos that nobody has judged; none from a part that is held out."""
    first_held: dict[str, float] = {}
    for pair in validation:
        first_held[pair.video_uid] = min(pair.time_s, first_held.get(pair.video_uid, pair.time_s))
    return [
        pair
        for pair in project.store.food_pairs("train")
        if pair.uid not in judged
        and split_of[pair.video_uid] == "train"
        and pair.time_s < first_held.get(pair.video_uid, float("inf"))
    ]


def _corrected(record: PairRecord, judgement: Judgement) -> PairRecord:
    """Returns the pair as the verdict has it: its label first, its sound where the reviewer moved it."""
    labels = record.labels
    if judgement.label and (not labels or labels[0].class_name != judgement.label):
        said = next((label for label in labels if label.class_name == judgement.label), None)
        if said is None and labels:
            said = replace(labels[0], class_name=judgement.label)  # the word is the same, the class is what people say
        labels = tuple(each for each in (said, *labels) if each is not None)
        labels = tuple(dict.fromkeys(labels))
    return replace(record, labels=labels, sound_offset_s=record.sound_offset_s + judgement.offset_s)


# -- files ---------------------------------------------------------------------------------------------------------


def pairs_of(chosen: Iterable[DatasetPair], split: Split) -> list[Pair]:
    return [each.pair for each in chosen if each.split == split]


def _path(project: Project, number: int) -> Path:
    return project.datasets_dir / f"{number}.jsonl"


def _version(project: Project, row: DatasetRow) -> DatasetVersion:
    selection = Selection.of(row.selection)
    return DatasetVersion(row.id, row.hash, row.at, row.parent, selection, row.counts, _path(project, row.id))


def _line(each: DatasetPair) -> str:
    values = {"split": each.split, "why": each.why, "pair": asdict(each.pair)}
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def _of_line(line: str) -> DatasetPair:
    values = json.loads(line)
    pair = values["pair"]
    labels = tuple(WeakLabel(**label) for label in pair.pop("labels"))
    return DatasetPair(Pair(**pair, labels=labels), values["split"], values["why"])


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _class(pair: Pair) -> str:
    return pair.labels[0].class_name if pair.labels else ""
