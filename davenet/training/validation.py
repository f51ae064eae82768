"""Recall@k over the validation pairs, after each epoch and before the first: it decides which weights are the best."""

from collections.abc import Sequence

from davenet import events
from davenet.evaluation.gallery import Gallery, figures, gallery
from davenet.jobs import ShouldStop
from davenet.model.davenet import DAVEnet
from davenet.pairs import Pair
from davenet.training.dataset import PairReader
from davenet.training.distributed import World
from davenet.training.presets import TrainConfig
from davenet.training.state import Place


def measured(
    model: DAVEnet, reader: PairReader, pairs: Sequence[Pair], config: TrainConfig, world: World, stop: ShouldStop
) -> Gallery | None:
    """Returns the gallery in the first process, None in the others, which wait for it; events.Stop stops them all."""
    found, asked_to_stop = None, False
    if world.leads:
        try:
            found = gallery(model, reader, pairs, similarity=config.similarity, device=world.device, stop=stop)
        except events.Stop:
            asked_to_stop = True
    if world.told(asked_to_stop):
        raise events.Stop
    return found


def note(found: Gallery, place: Place, *, from_nothing: bool) -> dict[str, float]:
    """Notes a measurement in the place, also where it is the best so far, and returns its numbers for the curves.

    The start counts where it was trained before; one `from_nothing` is the best only until an epoch is measured, for who
    begins with this run's weights wants what it has learnt, also where that is not told from chance.
    They are none where fewer than two pairs could be read: there is nothing to choose by, and the newest weights are best.
    """
    if len(found.pairs) < 2:
        place.best_epoch, place.best_step = place.epoch, place.step
        return {}
    place.figures = {**figures(found), "epoch": place.epoch}
    if place.epoch == 0:
        place.start_figures = place.figures
    recall_10 = (place.figures["audio_recall_at_10"] + place.figures["visual_recall_at_10"]) / 2
    mean_rank = (place.figures["audio_mean_rank"] + place.figures["visual_mean_rank"]) / 2
    if place.best is None or (from_nothing and place.best_epoch == 0) or (recall_10, -mean_rank) > place.best:
        place.best = recall_10, -mean_rank
        place.best_epoch, place.best_step = place.epoch, place.step
    return {name: value for name, value in place.figures.items() if isinstance(value, float) or name == "gallery_size"}
