"""What a verb prints: its result (text or, with --json, exactly one JSON document); progress on standard error."""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from davenet import events
from davenet.errors import UserError, one_line

_SHOWN = {
    "audio_recall_at_10": "audio Recall@10",
    "visual_recall_at_10": "visual Recall@10",
    "chance_at_10": "chance",
}
LINE_EVERY_S = 5.0  # between progress lines where standard error is no terminal


class Output:
    """Where a verb's result goes. Text lines are for people; with --json they are left out."""

    def __init__(self, stream: TextIO, *, as_json: bool) -> None:
        self._stream = stream
        self._as_json = as_json

    def result(self, values: Mapping[str, Any], *lines: str) -> None:
        """Prints the verb's one result: `values` as JSON, or the lines."""
        if self._as_json:
            self._stream.write(json.dumps(values, ensure_ascii=False, indent=1, default=str) + "\n")
        else:
            self._stream.write("".join(line + "\n" for line in lines))
        self._stream.flush()


@contextmanager
def output(as_json: bool) -> Iterator[Output]:
    """Gives the result's place. With --json, everything else that anything prints goes to standard error meanwhile.

    A user's error becomes {"error": sentence} there and goes on up.
    """
    if not as_json:
        yield Output(sys.stdout, as_json=False)
        return
    sys.stdout.flush()
    kept = os.dup(1)
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    python_stdout = sys.stdout
    os.dup2(2, 1)  # native libraries print to the descriptor, past Python
    sys.stdout = sys.stderr
    result = Output(stream, as_json=True)
    try:
        yield result
    except UserError as error:
        result.result({"error": one_line(error)})
        raise
    finally:
        sys.stdout = python_stdout
        os.dup2(kept, 1)
        os.close(kept)
        stream.close()


class ProgressView:
    """Shows a job's events on standard error: a bar with rate and time left, or a plain line now and then."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = stream or sys.stderr
        self._console = Console(file=self._stream, highlight=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._task: Any = None
        self._unit = ""
        self._held: str | None = None
        self._began_s = self._said_s = time.monotonic()

    def __enter__(self) -> "ProgressView":
        if self._console.is_terminal:
            columns: list[ProgressColumn] = [
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                _RateColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
            ]
            self._bar = Progress(*columns, console=self._console, transient=True, expand=True)
            self._task = self._bar.add_task(self._title, total=None, note="", unit="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Started():
                self._unit = event.unit
                self._began_s = self._said_s = time.monotonic()
                if self._bar is not None:
                    self._bar.reset(self._task, total=event.total, unit=event.unit)
            case events.Progress():
                self._show(event)
            case events.Metrics() if "audio_recall_at_10" in event.values:
                shown = [
                    f"{told} {100 * event.values[name]:.1f} %" for name, told in _SHOWN.items() if name in event.values
                ]
                self.say(f"epoch {event.epoch:g}: {', '.join(shown)}")
            case events.Skipped():
                self.tell_held()
                self._held = (
                    f"✕ {event.item}: {event.reason}" if event.item not in event.reason else f"✕ {event.reason}"
                )
            case events.Message():
                self.say(("! " if event.level == "warning" else "") + event.text)
            case _:
                pass  # the end of the job is told by the verb's own result

    def say(self, line: str) -> None:
        """Prints one line above the bar."""
        (self._bar.console if self._bar is not None else self._console).print(Text(line))

    def tell_held(self) -> None:
        """Prints the last reason why something was skipped: held back, as it may become the verb's own error."""
        if self._held is not None:
            self.say(self._held)
            self._held = None

    def stopping(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=f"{self._title} stops …")

    def _show(self, event: events.Progress) -> None:
        unit = event.unit or self._unit
        if self._bar is not None:
            self._bar.update(self._task, completed=event.done, total=event.total, note=event.note[:30], unit=unit)
            return
        now_s = time.monotonic()
        if now_s - self._said_s < LINE_EVERY_S:
            return
        self._said_s = now_s
        rate = event.done / max(now_s - self._began_s, 1e-9)
        line = (
            f"{self._title}: {_amount(event.done)}"
            + (f" of {_amount(event.total)}" if event.total else "")
            + f" {unit}"
        )
        line += f", {rate:.3g} {unit}/s" if rate > 0 else ""
        if event.total and rate > 0:
            line += f", {_clock((event.total - event.done) / rate)} left"
        self.say(line + (f" · {event.note}" if event.note else ""))


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if not speed else f"{speed:.3g} {task.fields['unit']}/s")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _amount(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"
