"""The whole command line: one verb a subject, typed options, one line for a user's error. No verb opens the app.

Nothing heavy is imported here: each verb imports what it needs when it runs, so that --help answers at once.
"""

import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from annotator.commands import (
    analysing,
    corpora,
    datasets,
    machine,
    mending,
    mining,
    models,
    people,
    releasing,
    reproducing,
    retrieving,
    review,
    videos,
)
from annotator.commands.endings import ReportedBugError, StoppedError
from davenet import __version__
from davenet.errors import UserError, one_line

DONE, BUG, USER_ERROR, INTERRUPTED = 0, 1, 2, 130


class _Verbs(TyperGroup):
    """Verbs of one word or of two: `import release` is one, beside `import PROJECT`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        verb = " ".join(args[:2])
        return (verb, self.commands[verb], args[2:]) if verb in self.commands else super().resolve_command(ctx, args)


app = typer.Typer(
    name="annotator",
    cls=_Verbs,
    help="Matchmap Annotator: review weakly-labelled pairs of frames and speech, see what a model hears, fine-tune it.",
    epilog="Example: annotator new kitchen --videos ~/Videos/cooking",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_dataset = typer.Typer(
    help="Dataset versions: freeze the pairs that verdicts give, list them, tell what changed.",
    epilog="Example: annotator dataset freeze kitchen",
)
_review = typer.Typer(
    help="Verdicts and reviewers: export, import, statistics, agreement, settings.",
    epilog="Example: annotator review stats kitchen",
)


@app.callback(invoke_without_command=True)
def _without_verb(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        sys.stdout.write(f"{__version__}\n")
        raise typer.Exit()
    if context.invoked_subcommand is None:
        machine.open_app(None)


_VERBS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("new", videos.new, "annotator new kitchen --videos ~/Videos/cooking"),
    ("import", corpora.import_videos, "annotator import kitchen omelette.mp4 ~/Videos/more"),
    ("stats", corpora.stats, "annotator stats kitchen --plot lengths.svg"),
    ("extract", videos.extract, "annotator extract kitchen"),
    ("proxies", videos.proxies, "annotator proxies kitchen"),
    ("transcribe", videos.transcribe, "annotator transcribe kitchen"),
    ("detect", videos.detect, "annotator detect kitchen --with onnx:food.onnx --classes food.txt --food-label Food"),
    ("mine", mining.mine, "annotator mine kitchen --food-threshold 0.6"),
    ("analyse", analysing.analyse, "annotator analyse kitchen synchrony --split validation --plot synchrony.svg"),
    ("train", models.train, "annotator train kitchen --preset demo --start-from 001-small --set epochs=10"),
    ("evaluate", models.evaluate, "annotator evaluate kitchen --run latest"),
    ("score", models.score, "annotator score kitchen latest"),
    ("retrieve", retrieving.retrieve, "annotator retrieve kitchen latest"),
    ("next", models.next_pairs, "annotator next kitchen latest -n 200"),
    ("reproduce", reproducing.reproduce, "annotator reproduce table3 kitchen --model mobilenet --epochs 10"),
    ("render", models.render, "annotator render kitchen omelette.mp4 --run latest --out omelette-matchmap.mp4"),
    ("export release", releasing.export_release, "annotator export release kitchen kitchen-release"),
    ("import release", releasing.import_release, "annotator import release kitchen kitchen-release"),
    ("convert", models.convert, "annotator convert audio_model.25.pth image_model.25.pth --out davenet.safetensors"),
    ("restore", mending.restore, "annotator restore kitchen"),
    ("relink", mending.relink, "annotator relink kitchen /media/disk/cooking"),
    ("move", mending.move, "annotator move kitchen --database postgresql+psycopg://ann@server/cooking"),
    ("app", machine.open_app, "annotator app kitchen"),
    ("demo", machine.demo, "annotator demo --headless --out demo-out"),
    ("doctor", machine.doctor, "annotator doctor"),
)
_DATASET_VERBS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("freeze", datasets.freeze, "annotator dataset freeze kitchen --unjudged"),
    ("list", datasets.list_versions, "annotator dataset list kitchen"),
    ("changes", datasets.show_changes, "annotator dataset changes kitchen 1 2"),
)
_REVIEW_VERBS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("export", review.export_verdicts, "annotator review export kitchen verdicts.csv"),
    ("import", review.import_verdicts, "annotator review import kitchen verdicts.csv"),
    ("stats", review.show_statistics, "annotator review stats kitchen"),
    ("agreement", people.show_agreement, "annotator review agreement kitchen"),
    ("settings", people.settings, "annotator review settings kitchen --second 10 --gold 5 --blind"),
)

for _name, _function, _example in _VERBS:
    app.command(_name, epilog=f"Example: {_example}")(_function)
for _name, _function, _example in _REVIEW_VERBS:
    _review.command(_name, epilog=f"Example: {_example}")(_function)
for _name, _function, _example in _DATASET_VERBS:
    _dataset.command(_name, epilog=f"Example: {_example}")(_function)
app.add_typer(_dataset, name="dataset")
app.add_typer(_review, name="review")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit status: 0 done, 2 a user's error, 130 stopped by the user, 1 a bug."""
    try:
        status = app(arguments, standalone_mode=False, prog_name="annotator")
    except UserError as error:
        return _ended(USER_ERROR, one_line(error))
    except StoppedError as error:
        return _ended(INTERRUPTED, one_line(error))
    except KeyboardInterrupt:
        return _ended(INTERRUPTED, "Stopped.")
    except ReportedBugError:
        return BUG
    except Exception as error:
        return _of_other(error)
    return status if isinstance(status, int) else DONE


def _of_other(error: Exception) -> int:
    if hasattr(error, "format_message"):  # the argument parser's own errors, whichever release they come from
        command = getattr(getattr(error, "ctx", None), "command_path", "annotator")
        message = " ".join(error.format_message().split()).rstrip(".")
        stop = "" if message.endswith("?") else "."
        return _ended(USER_ERROR, f"{message}{stop} See {command} --help.")
    traceback.print_exception(error)
    return BUG


def _ended(status: int, line: str) -> int:
    sys.stderr.write(line + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
