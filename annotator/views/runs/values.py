"""What the Runs workspace shows, as plain values: a run's history, its row, its details, how numbers read."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from annotator.store.records import RunRecord
from davenet import events

LOG_LINES = 200
RATE_SPAN_S = 15.0
THIN_SPACE = "\u202f"


def number_text(value: float) -> str:
    """Returns a whole number with thin spaces between thousands."""
    return f"{round(value):,}".replace(",", THIN_SPACE)


def percent_text(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


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
    """The numbers of a run as they come: `loss` and `recall` are (epoch, value), recall the mean of both ways."""

    loss: list[tuple[float, float]] = field(default_factory=list)
    recall: list[tuple[float, float]] = field(default_factory=list)
    audio_recall: float | None = None
    visual_recall: float | None = None
    step: int = 0
    epoch: float = 0.0
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
        self.step, self.epoch = step, epoch
        if "loss" in values:
            self.loss = _forward(self.loss, epoch)
            self.loss.append((epoch, float(values["loss"])))
        audio, visual = values.get("audio_recall_at_10"), values.get("visual_recall_at_10")
        if audio is not None and visual is not None:
            self.audio_recall, self.visual_recall = float(audio), float(visual)
            self.recall = _forward(self.recall, epoch)
            self.recall.append((epoch, (self.audio_recall + self.visual_recall) / 2))
            self.log.append(f"audio R@10 {100 * audio:.1f}  visual {100 * visual:.1f}")
            self.log.append(f"epoch {epoch:.0f}" + (f"  loss {self.loss[-1][1]:.3f}" if self.loss else ""))


def _forward(curve: list[tuple[float, float]], epoch: float) -> list[tuple[float, float]]:
    """Drops what lies ahead: a run that was killed goes on from its last saved state."""
    return curve if not curve or curve[-1][0] < epoch else [point for point in curve if point[0] < epoch]


def history_of_metrics(path: Path) -> RunHistory:
    """Returns the history in a run's metrics.jsonl, whoever ran it; an unreadable line is passed over."""
    history = RunHistory()
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return history
    for line in lines:
        try:
            values = json.loads(line)
            step, epoch = int(values.pop("step")), float(values.pop("epoch"))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        history.take(events.Metrics(step, epoch, values), 0.0)
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
    audio, visual = evaluated.get("audio_recall_at_10"), evaluated.get("visual_recall_at_10")
    if audio is None and history is not None:
        return history.audio_recall, history.visual_recall
    return audio, visual


def gallery(run: RunRecord) -> tuple[int | None, float | None]:
    """Returns the number of pairs that Recall@10 is taken over, and what chance would reach."""
    evaluated = (run.result.get("evaluations") or {}).get("validation") or run.result
    size = evaluated.get("gallery_size") or (run.config.get("pairs") or {}).get("validation")
    chance = evaluated.get("chance_at_10") or evaluated.get("chance")
    if chance is None and size:
        chance = min(1.0, 10 / int(size))
    return (int(size) if size else None), chance


def took_text(run: RunRecord) -> str:
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
            return f"stopped at epoch {reached}" if reached else "stopped"
        case "failed" | "crashed":
            return run.state
        case _:
            return "waiting"


def details(run: RunRecord, history: RunHistory | None, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns the rows of the right panel; `config` is the preset's with the run's own values."""
    pairs = run.config.get("pairs") or {}
    food, other = pairs.get("train_food"), pairs.get("train_non_food")
    size, chance = gallery(run)
    audio, visual = recalls(run, history)
    start = run.config.get("start_from")
    rows = [
        ("pairs", "" if food is None else f"{number_text(food)} accepted, {number_text(other or 0)} non-food"),
        ("gallery", "" if size is None else f"{number_text(size)} validation pairs"),
        ("audio R@10", "" if audio is None else f"{percent_text(audio)} %"),
        ("visual R@10", "" if visual is None else f"{percent_text(visual)} %"),
        ("chance", "" if chance is None else f"{percent_text(chance)} %"),
        ("start", Path(str(start)).stem if start else "random weights"),
        ("model", str(config.get("model", ""))),
        ("loss", f"triplet, margin {config['margin']:g}, blended" if "margin" in config else ""),
        ("segment", f"{config['segment_s']:g} s" if config.get("segment_s") else "each pair's own"),
        ("batch", number_text(config["batch_size"]) if "batch_size" in config else ""),
        ("epochs", number_text(config["epochs"]) if "epochs" in config else ""),
        ("rate", f"{config['learning_rate']:g}" if "learning_rate" in config else ""),
        ("device", {"auto": "automatic", "cpu": "processor"}.get(device := str(run.config.get("device", "")), device)),
    ]
    left = None if history is None or run.state != "running" else history.left_s()
    rows.append(("left", duration_text(left)) if left is not None else ("took", took_text(run)))
    return [(name, value) for name, value in rows if value]


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
