"""``python -m davenet convert FILE... --out CHECKPOINT``: foreign checkpoints into one of ours, told as a table."""

import argparse
import json
import sys
from pathlib import Path

from davenet import events
from davenet.errors import UserError, one_line
from davenet.jobs import run_job
from davenet.specs import ConvertSpec


def main(arguments: list[str]) -> int:
    """Converts, prints the report and returns the exit status: 0 done, 2 a user's error, 130 stopped."""
    parser = argparse.ArgumentParser(
        prog="python -m davenet convert",
        description="Makes a checkpoint of published weights: DAVEnet-pytorch's, ResDAVEnet-VQ's or AVLnet's.",
        epilog="Example: python -m davenet convert audio_model.25.pth image_model.25.pth --out davenet.safetensors",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="the files of one training, in any order")
    parser.add_argument("--out", type=Path, required=True, metavar="CHECKPOINT", help="NAME.safetensors, to be written")
    parser.add_argument("--partial", action="store_true", help="let what the files lack begin at random")
    parser.add_argument("--seed", type=int, default=0, help="of what begins at random (default: 0)")
    chosen = parser.parse_args(arguments)
    spec = ConvertSpec(files=chosen.files, out=chosen.out, partial=chosen.partial, seed=chosen.seed)
    try:
        final = run_job(spec, _tell)
    except UserError as error:
        sys.stderr.write(one_line(error) + "\n")
        return 2
    if isinstance(final, events.Cancelled):
        sys.stderr.write("Stopped; nothing was written.\n")
        return 130
    from davenet.model.convert_report import summary, table

    report = json.loads(Path(final.result["report"]).read_text(encoding="utf-8"))
    sys.stdout.write(f"{table(report)}\n\n{summary(final.result)}\n")
    return 0


def _tell(event: events.Event) -> None:
    if isinstance(event, events.Message):
        sys.stderr.write(f"{'! ' if event.level == 'warning' else ''}{event.text}\n")
