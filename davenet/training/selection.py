"""Which pairs a run learns from and is measured on: those that can be read when it begins, and the same ones ever after.

The order of pairs follows from their number: were the choice made anew when a run goes on, a clip that has vanished since
would change every batch. It is in the state; pairs that cannot be read later are left out of their batches one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from davenet import events
from davenet.errors import UserError
from davenet.jobs import ShouldStop
from davenet.pairs import Pair, read_pairs
from davenet.specs import TrainSpec
from davenet.training.dataset import Loss, PairReader
from davenet.training.distributed import World
from davenet.training.image_maps import ImageMaps
from davenet.training.presets import TrainConfig


@dataclass(frozen=True, slots=True)
class Selection:
    """The pairs of a run; `left_out` are the uids of the others, `lost` those of them that were found to be so now."""

    train: list[Pair]
    validation: list[Pair]
    left_out: list[str]
    lost: tuple[Loss, ...] = ()


def select(
    spec: TrainSpec,
    config: TrainConfig,
    reader: PairReader,
    image_maps: ImageMaps | None,
    world: World,
    emit: events.Emit,
    stop: ShouldStop,
) -> Selection:
    """Returns the pairs of a run that begins; with a frozen image branch its maps are computed on the way.

    Raises UserError where fewer than two pairs can be trained on, events.Stop when asked to stop.
    """
    pairs = list(read_pairs(spec.train_pairs))
    if len(pairs) < 2:
        raise UserError(
            f"{spec.train_pairs} has {len(pairs)} pair{'' if len(pairs) == 1 else 's'} to train on, and a "
            "pair needs another as its impostor; accept more pairs first."
        )
    train, lost = reader.usable(pairs)
    validation, lost_too = reader.usable(list(read_pairs(spec.validation_pairs)))
    if image_maps is not None:
        unseen = prepare_maps(image_maps, reader, train, world, emit, stop)
        lost += unseen
        missing = {loss.pair.uid for loss in unseen}
        train = [pair for pair in train if pair.uid not in missing]
    if len(train) < 2:
        raise UserError(
            f"The pairs of {spec.train_pairs} and the clips of {spec.clips_dir} do not belong together: {lost[0].reason}"
        )
    if len(validation) < 2:
        emit(events.Message("There are fewer than two validation pairs: no Recall@10 will be measured.", "warning"))
    lost += lost_too
    left_out = world.told([loss.pair.uid for loss in lost])  # what the first process can read decides
    return _selected(train, validation, config, left_out, lost)


def select_again(spec: TrainSpec, config: TrainConfig, left_out: Sequence[str]) -> Selection:
    """Returns the pairs of a run that goes on: all but those that were left out when it began."""
    return _selected(list(read_pairs(spec.train_pairs)), list(read_pairs(spec.validation_pairs)), config, left_out, ())


def _selected(
    train: list[Pair], validation: list[Pair], config: TrainConfig, left_out: Sequence[str], lost: Sequence[Loss]
) -> Selection:
    out = set(left_out)
    train, validation = ([pair for pair in pairs if pair.uid not in out] for pairs in (train, validation))
    return Selection(train, list(_spread(validation, config.evaluation_gallery)), list(left_out), tuple(lost))


def prepare_maps(
    image_maps: ImageMaps,
    reader: PairReader,
    pairs: Sequence[Pair],
    world: World,
    emit: events.Emit,
    stop: ShouldStop,
) -> list[Loss]:
    """Makes the maps that are missing, each process those of some videos; returns the pairs whose frame cannot be read."""
    if world.size > 1:  # each makes a part, and then finds all of them made
        videos = sorted({pair.video_uid for pair in pairs})
        mine = set(videos[world.rank :: world.size])
        asked_to_stop = False
        try:
            image_maps.prepare(reader, [p for p in pairs if p.video_uid in mine], world.device, emit, stop)
        except events.Stop:
            asked_to_stop = True
        if any(world.everyones(asked_to_stop)):
            raise events.Stop
        stop = _never
    return image_maps.prepare(reader, pairs, world.device, emit, stop)


def maps_folder(spec: TrainSpec) -> Path:
    """Returns where the maps of a frozen image branch are kept.

    In a project that is its cache, beside the clips: every run from one checkpoint uses the same maps, and they outlive it.
    Elsewhere the run's own folder is the only one that we were told to write to.
    """
    cache = spec.clips_dir.parent / "cache"
    return (cache if cache.is_dir() else spec.run_dir) / "image-maps"


def _never() -> bool:
    return False


def _spread(pairs: Sequence[Pair], most: int) -> Iterator[Pair]:
    """Yields at most `most` pairs, evenly over the list: the same ones each time."""
    n = min(len(pairs), most)
    for index in range(n):
        yield pairs[index * len(pairs) // n]
