"""``python -m davenet train --clips DIR --pairs FILE … --run DIR``: a run from files alone, without app and project.

The same command under torchrun trains in several processes. Ctrl-C saves and stops; the same command goes on from there.
"""

import argparse
import json
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from davenet import events
from davenet.errors import UserError, one_line
from davenet.run_log import is_first_process
from davenet.specs import TrainSpec
from davenet.training.presets import PRESETS, TrainConfig, preset

_EVERY_S = 15.0  # between two lines of progress, where they stay; on a terminal one line is written over
_MOST_SKIPPED = 5  # pairs that are named; the others are counted


def main(arguments: list[str]) -> int:
    """Trains and returns the exit status: 0 done, 1 our fault, 2 a user's error, 130 stopped."""
    try:
        spec = _spec(arguments)
    except UserError as error:
        sys.stderr.write(one_line(error) + "\n")
        return 2
    stop, is_asked = threading.Event(), list[bool]()
    progress = _Progress(sys.stderr.isatty() and is_first_process())

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()  # and no more: a sentence written in the midst of another raises in it
        is_asked.append(True)

    def is_stopped() -> bool:
        if is_asked:
            is_asked.clear()
            progress.say("Stopping: the step under way is finished and saved; Ctrl-C again stops at once.")
        return stop.is_set()

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    from davenet.jobs import run_job

    try:
        final = run_job(spec, progress if is_first_process() else _silence, is_stopped)
    except UserError:
        return 2
    except Exception:
        return 1
    finally:
        progress.end()
    return 130 if isinstance(final, events.Cancelled) else 0


def _spec(arguments: list[str]) -> TrainSpec:
    parser = argparse.ArgumentParser(
        prog="python -m davenet train",
        description="Trains a model on pairs of frames and sound, or goes on with a run that was stopped.",
        epilog="Example: python -m davenet train --clips clips --pairs train.jsonl --validation validation.jsonl "
        "--run runs/first --preset small --set epochs=4. Every value that --set takes is in the list of --values.",
    )
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR", help="the folder of clip files")
    parser.add_argument("--pairs", type=Path, required=True, metavar="FILE", help="pairs to train on (JSON lines)")
    parser.add_argument("--validation", type=Path, required=True, metavar="FILE", help="pairs to measure Recall@10 on")
    parser.add_argument(
        "--run", type=Path, required=True, metavar="DIR", help="the run's folder, made where it is missing"
    )
    parser.add_argument("--preset", default="small", choices=list(PRESETS), help="the configuration (default: small)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change one value of the preset; repeatable"
    )
    parser.add_argument("--start-from", type=Path, metavar="CHECKPOINT", help="fine-tune this model")
    parser.add_argument("--image-weights", type=Path, metavar="FILE", help="ImageNet weights for the image branch")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--again", action="store_true", help="begin anew, even where the run's folder has a state")
    parser.add_argument("--values", action=_ListValues, help="list every value of a configuration and end")
    chosen = parser.parse_args(arguments)
    config = _values(chosen.set)
    preset(chosen.preset, config)  # told before torch is loaded
    return TrainSpec(
        run_dir=chosen.run.absolute(),
        clips_dir=chosen.clips.absolute(),
        train_pairs=chosen.pairs.absolute(),
        validation_pairs=chosen.validation.absolute(),
        preset=chosen.preset,
        config=config,
        start_from=None if chosen.start_from is None else chosen.start_from.absolute(),
        image_weights=None if chosen.image_weights is None else chosen.image_weights.absolute(),
        device=chosen.device,
        resume=not chosen.again,
    )


def _values(settings: list[str]) -> dict[str, object]:
    """Returns names with values, each read as JSON where it is JSON and as a word otherwise."""
    values: dict[str, object] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f"--set {setting} gives no value; write it as --set NAME=VALUE.")
        try:
            values[name] = json.loads(value)
        except ValueError:
            values[name] = value
    return values


class _ListValues(argparse.Action):
    """Prints what can be set, with its meaning and the default, and ends."""

    def __init__(self, option_strings: list[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        for name, field in TrainConfig.model_fields.items():
            sys.stdout.write(f"{name} ({field.default})\n    {field.description}\n")
        parser.exit()


class _Progress:
    """Tells a person how a run goes: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self, on_terminal: bool) -> None:
        self._on_terminal = on_terminal
        self._told_s = 0.0
        self._began: tuple[float, float] | None = None  # seconds and pairs at the first progress of this attempt
        self._values: dict[str, float] = {}
        self._width = 0
        self._n_skipped = 0

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Progress(unit="pairs"):
                self._show(event)
            case events.Progress():
                self._line(f"{event.note}: {event.done:,.0f} of {event.total or 0:,.0f} {event.unit}")
            case events.Metrics() if "audio_recall_at_10" in event.values:
                audio, visual = (event.values[f"{way}_recall_at_10"] for way in ("audio", "visual"))
                self.say(f"epoch {event.epoch:g}: audio R@10 {audio:.1%}, visual R@10 {visual:.1%}")
            case events.Metrics():
                self._values = dict(event.values)
            case events.Skipped():
                self._n_skipped += 1
                if self._n_skipped <= _MOST_SKIPPED:
                    self.say(f"left out {event.item}: {event.reason}")
            case events.Message():
                self.say(f"{'! ' if event.level == 'warning' else ''}{event.text}")
            case events.Failed():
                self.say(f"Failed: {event.message}")
            case events.Cancelled():
                self.say("Stopped and saved; the same command goes on from here.")
            case events.Finished():
                self.say(f"Finished: the best checkpoint is {event.result.get('best_checkpoint', '')}")
            case _:
                pass

    def say(self, text: str) -> None:
        """Writes a line that stays."""
        if self._on_terminal and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            self._width = 0
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Says how many more pairs were left out than were named."""
        if self._n_skipped > _MOST_SKIPPED:
            self.say(f"{self._n_skipped:,} pairs were left out; each is named in the run's log.txt.")

    def _show(self, event: events.Progress) -> None:
        now = time.monotonic()
        if self._began is None:
            self._began = now, event.done
        words = [event.note, f"{event.done / (event.total or event.done or 1):.1%}"]
        words += [f"{name} {self._values[key]:{form}}" for key, name, form in _SHOWN if key in self._values]
        seconds, pairs = now - self._began[0], event.done - self._began[1]
        if pairs > 0 and event.total:
            words.append(f"{_clock(seconds / pairs * (event.total - event.done))} left")
        self._line("  ".join(words))

    def _line(self, text: str) -> None:
        now = time.monotonic()
        if self._on_terminal:
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
            self._width = len(text)
        elif now - self._told_s >= _EVERY_S:
            self._told_s = now
            self.say(text)


_SHOWN = (
    ("loss", "loss", ".4f"),
    ("learning_rate", "rate", ".2g"),
    ("pairs_per_s", "pairs/s", ".0f"),
    ("waiting_share", "waiting", ".0%"),
)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _silence(event: events.Event) -> None:
    """Stands for the events of every process but the first."""
