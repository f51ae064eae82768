"""What the Runs workspace shows, as plain values: a run's history, its row, its details, how numbers read."""

import json
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from annotator.store.records import RunRecord
from annotator.views.runs.series import Series, Values
from davenet import events
from davenet.intervals import wilson_interval

LOG_LINES = 200
PAUSED = "Paused; resume it to go on."  # the message of a run that was stopped to go on later
RATE_SPAN_S = 15.0
THIN_SPACE = "\u202f"


def number_text(value: float) -> str:
    """Returns a whole number with thin spaces between thousands."""
    return f"{round(value):,}".replace(",", THIN_SPACE)


def percent_text(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def interval_text(share: float, interval: tuple[float, float] | None) -> str:
    """Returns "38.6 ± 3.2" percent: half of the interval's width beside the share."""
    half = "" if interval is None else f" ± {50 * (interval[1] - interval[0]):.1f}"
    return f"{percent_text(share)}{half}"


def interval_around(share: Values, n: int) -> tuple[Values, Values]:
    """Returns the 95 % Wilson intervals of shares of `n` pairs; without pairs, the shares themselves."""
    if n < 1 or not len(share):
        return share, share
    distinct, where = np.unique(np.clip(share, 0.0, 1.0), return_inverse=True)  # few: each is so many hits of n
    found = np.array([wilson_interval(each * n, n) for each in distinct.tolist()])[where]
    return found[:, 0], found[:, 1]


def bytes_text(count: float) -> str:
    """Returns "820 MB" or "3.4 GB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def duration_text(seconds: float) -> str:
    """Returns "41 s", "12 min", "1 h 12 min": as exact as is of use."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass(slots=True)
class Rate:
    """How fast a job goes, over the last seconds; `now_s` is a monotonic clock's."""

    _seen: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, done: float, now_s: float) -> None:
        if self._seen and (done < self._seen[-1][1]):
            self._seen.clear()
        if self._seen and now_s - self._seen[-1][0] < 0.05:
            self._seen.pop()  # events read in one go have no times of their own
        self._seen.append((now_s, done))
        while self._seen[-1][0] - self._seen[0][0] > RATE_SPAN_S and len(self._seen) > 2:
            self._seen.popleft()

    def per_s(self) -> float | None:
        """Returns units a second, None before there is something to tell it from."""
        if len(self._seen) < 2:
            return None
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_s - first_s) if last > first else None


@dataclass(slots=True)
class RunHistory:
    """The numbers of a run as they come: its loss, and the mean Recall@10 of both ways, over epochs, steps and time."""

    n_pairs: float = 0.0  # of one epoch, for the seconds that its steps took; 0 where it is not known
    loss: Series = field(default_factory=Series)
    recall: Series = field(default_factory=Series)
    gallery_size: int | None = None
    audio_recall: float | None = None
    visual_recall: float | None = None
    step: int = 0
    epoch: float = 0.0
    time_s: float = 0.0
    pairs_per_s: float | None = None
    memory_bytes: float | None = None
    gpu_bytes: float | None = None
    gpu_total_bytes: float | None = None
    gpu_busy: float | None = None
    learning: events.Learning | None = None  # the pairs of the step that was told of last
    progress: events.Progress | None = None
    rate: Rate = field(default_factory=Rate)
    log: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))

    def take(self, event: events.Event, now_s: float) -> None:
        match event:
            case events.Started():
                self.log.append("started" if not self.step else "started again")
            case events.Progress(done):
                self.progress = event
                self.rate.add(done, now_s)
            case events.Metrics(step, epoch, values):
                self._take_metrics(step, epoch, values)
            case events.Learning():
                self.learning = event
            case events.Skipped(item, reason):
                self.log.append(f"skipped {item}: {reason}")
            case events.Message(text):
                self.log.append(text)
            case events.Failed(message):
                self.log.append(message)
            case events.Finished():
                self.log.append("finished")
            case events.Cancelled():
                self.log.append("cancelled")

    def left_s(self) -> float | None:
        """Returns the seconds that are left at the present rate."""
        rate = self.rate.per_s()
        if rate is None or self.progress is None or self.progress.total is None:
            return None
        return max(0.0, self.progress.total - self.progress.done) / rate

    def _take_metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        pairs_per_s = values.get("pairs_per_s") or self.pairs_per_s
        if epoch < self.epoch:  # it goes on from its last saved state
            self.time_s *= epoch / self.epoch
        elif pairs_per_s:
            self.time_s += (epoch - self.epoch) * self.n_pairs / pairs_per_s
        self.step, self.epoch, self.pairs_per_s = step, epoch, pairs_per_s
        self.memory_bytes = values.get("memory_bytes", self.memory_bytes)
        self.gpu_bytes = values.get("gpu_bytes", self.gpu_bytes)
        self.gpu_total_bytes = values.get("gpu_total_bytes", self.gpu_total_bytes)
        self.gpu_busy = values.get("gpu_busy", self.gpu_busy)
        if "loss" in values:
            self.loss.add(epoch, step, self.time_s, float(values["loss"]))
        audio, visual = values.get("audio_recall_at_10"), values.get("visual_recall_at_10")
        if audio is not None and visual is not None:
            self.gallery_size = int(values["gallery_size"]) if values.get("gallery_size") else self.gallery_size
            self.audio_recall, self.visual_recall = float(audio), float(visual)
            self.recall.add(epoch, step, self.time_s, (self.audio_recall + self.visual_recall) / 2)
            self.log.append(f"audio R@10 {100 * audio:.1f}  visual {100 * visual:.1f}")
            last = self.loss.last()
            self.log.append(f"epoch {epoch:.0f}" + (f"  loss {last[1]:.3f}" if last else ""))


def history_of_metrics(path: Path, n_pairs: float = 0.0) -> RunHistory:
    """Returns the history in a run's metrics.jsonl, whoever ran it; an unreadable line is passed over."""
    history = RunHistory(n_pairs)
    try:
        lines = path.read_text("utf-8", errors="replace").split("\n")
    except OSError:
        return history
    for line in lines:
        try:
            values = json.loads(line)
            step, epoch = int(values.pop("step")), float(values.pop("epoch"))
            history.take(events.Metrics(step, epoch, values), 0.0)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            continue
    return history


def number_of(run: RunRecord) -> str:
    """Returns "7" for 007-small, else the run's whole name."""
    head = run.id.split("-")[0]
    return str(int(head)) if head.isdigit() else run.id


def label_of(run: RunRecord) -> str:
    return f"{number_of(run)}  {run.preset}" if number_of(run) != run.id else run.id


def n_pairs(run: RunRecord) -> int | None:
    pairs = run.config.get("pairs") or {}
    food = pairs.get("train_food")
    return None if food is None else int(food) + int(pairs.get("train_non_food") or 0)


def recalls(run: RunRecord, history: RunHistory | None) -> tuple[float | None, float | None]:
    """Returns Audio and Visual R@10 of the best checkpoint's evaluation, else the run's last."""
    evaluated = (run.result.get("evaluations") or {}).get("validation") or run.result
    audio, visual = (_number(evaluated.get(f"{way}_recall_at_10")) for way in ("audio", "visual"))
    if audio is None and history is not None:
        return history.audio_recall, history.visual_recall
    return audio, visual


def recall_intervals(
    run: RunRecord, history: RunHistory | None
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Returns the 95 % Wilson intervals of what `recalls` returns, None where there is nothing to tell them from."""
    size, _ = gallery(run, history)
    audio, visual = recalls(run, history)
    if not size or audio is None or visual is None:
        return None, None
    return wilson_interval(audio * size, size), wilson_interval(visual * size, size)


def gallery(run: RunRecord, history: RunHistory | None = None) -> tuple[int | None, float | None]:
    """Returns the number of pairs that Recall@10 is taken over, and what chance would reach.

    A run that goes on tells its own: of pairs with the same sound one alone counts.
    """
    evaluated = (run.result.get("evaluations") or {}).get("validation") or run.result
    told = history.gallery_size if history is not None else None
    size = _number(evaluated.get("gallery_size")) or told or _number((run.config.get("pairs") or {}).get("validation"))
    return (int(size), min(1.0, 10 / size)) if size and size >= 1 else (None, None)


def gallery_hash(run: RunRecord) -> str:
    """Returns the hash of the gallery that its Recall@10 was measured on, '' before it was."""
    evaluated = (run.result.get("evaluations") or {}).get("validation") or run.result
    return str(evaluated.get("gallery_hash") or "")


def same_gallery(one: RunRecord | None, other: RunRecord) -> bool:
    """Whether two runs measure Recall@10 on the same pairs, by what is known of them: hash, frozen file, or size."""
    if one is None:
        return True
    hashes = gallery_hash(one), gallery_hash(other)
    files = tuple((run.config.get("pairs") or {}).get("validation_hash") for run in (one, other))
    known = hashes if all(hashes) else files if all(files) else (gallery(one)[0], gallery(other)[0])
    return known[0] == known[1]


def took_text(run: RunRecord) -> str:
    """Returns how long its training took, wherever it went on; of an older run, from its planning to its end."""
    trained_s = _number(run.result.get("training_s"))
    if trained_s:
        return duration_text(trained_s)
    if run.created_at is None or run.finished_at is None:
        return ""
    return duration_text((_aware(run.finished_at) - _aware(run.created_at)).total_seconds())


def state_text(run: RunRecord) -> str:
    """Returns how a run that is not running stands."""
    took = took_text(run)
    match run.state:
        case "finished":
            return f"done · {took}" if took else "done"
        case "cancelled":
            reached = run.result.get("epochs")
            if run.message == PAUSED:
                return f"paused at epoch {reached}" if reached else "paused"
            return f"stopped at epoch {reached}" if reached else "stopped"
        case "failed" | "crashed":
            return run.state
        case _:
            return "waiting"


def details(
    run: RunRecord, history: RunHistory | None, config: Mapping[str, Any], *, is_live: bool = False
) -> list[tuple[str, str]]:
    """Returns the rows of the right panel; `config` is the preset's with the run's own values."""
    pairs = run.config.get("pairs") or {}
    food, other = pairs.get("train_food"), pairs.get("train_non_food")
    start = run.config.get("start_from_run") or run.config.get("start_from")
    dataset = f"{pairs['dataset']} ({str(pairs.get('dataset_hash'))[:8]})" if pairs.get("dataset") else ""
    rows = [
        ("dataset", dataset),
        ("pairs", "" if food is None else f"{number_text(food)} + {number_text(other or 0)} non-food"),
        *_of_gallery(run, history),
        ("start", Path(str(start)).stem if start else "random weights"),
        ("model", str(config.get("model", ""))),
        ("loss", f"triplet, margin {config['margin']:g}, blended" if "margin" in config else ""),
        ("segment", f"{config['segment_s']:g} s" if config.get("segment_s") else "each pair's own"),
        ("epochs", f"{config['epochs']}, batches of {config['batch_size']}" if "epochs" in config else ""),
        ("rate", f"{config['learning_rate']:g}" if "learning_rate" in config else ""),
        ("device", {"auto": "automatic", "cpu": "processor"}.get(device := str(run.config.get("device", "")), device)),
    ]
    if not is_live:
        rows.append(("took", took_text(run)))
    return [(name, value) for name, value in rows if value]


def live_rows(history: RunHistory) -> list[tuple[str, str]]:
    """Returns what changes while a run goes on: how long yet, how fast, and what it takes of the machine."""
    rate, left = history.rate.per_s(), history.left_s()
    rows = [
        ("left", "" if left is None else duration_text(left)),
        ("speed", f"{rate:.3g} pairs/s" if rate else ""),
        ("memory", bytes_text(history.memory_bytes) if history.memory_bytes else ""),
        *_of_card(history),
    ]
    return [(name, value) for name, value in rows if value]


def _of_gallery(run: RunRecord, history: RunHistory | None) -> list[tuple[str, str]]:
    """Returns what Recall@10 was measured on, by its size and hash, and what it came to there."""
    size, chance = gallery(run, history)
    audio, visual = recalls(run, history)
    hash_ = gallery_hash(run)[:8]
    return [
        ("gallery", "" if size is None else f"{number_text(size)} pairs{f' ({hash_})' if hash_ else ''}"),
        ("R@10", "" if audio is None else f"{percent_text(audio)} / {percent_text(visual)} %"),
        ("chance", "" if chance is None else f"{percent_text(chance)} %"),
    ]


def _of_card(history: RunHistory) -> list[tuple[str, str]]:
    """Returns what is told of the graphics card that a run trains on; nothing where it trains on the processor."""
    if not history.gpu_bytes:
        return []
    whole = f" of {bytes_text(history.gpu_total_bytes)}" if history.gpu_total_bytes else ""
    busy = "not told (nvidia-ml-py)" if history.gpu_busy is None else f"{100 * history.gpu_busy:.0f} % busy"
    return [("GPU memory", f"{bytes_text(history.gpu_bytes)}{whole}"), ("GPU", busy)]


def silence_text(silent_s: float) -> str:
    """Returns what to say of a run whose process is there and gives no sign of life."""
    return (
        f"No sign of life for {duration_text(silent_s)}: it hangs, or the machine is overloaded. Cancel ends it; Resume "
        "then goes on from its last saved state."
    )


def _number(value: object) -> float | None:
    """Returns a finite number of a run's own files, None for anything else: they may be of another version, or edited."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_one else None  # type: ignore[arg-type]


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
