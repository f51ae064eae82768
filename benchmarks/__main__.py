"""`python -m benchmarks [--only NAME]`: runs the measurements, prints a table, writes benchmarks/latest.jsonl."""

import argparse
import importlib
import json
import platform
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, Skip

FOLDER = Path(__file__).parent


def main() -> int:
    names = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--only", choices=names, help="run one of them")
    chosen = parser.parse_args().only
    console = Console()
    table = Table(title=f"{platform.machine()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d %H:%M')}")
    for head in ("figure", "value", "reference", "ratio", "bar", "holds"):
        table.add_column(head, justify="left" if head == "figure" else "right")
    lines: list[str] = []
    missed = False
    for name in [chosen] if chosen else names:
        try:
            figures: list[Figure] = importlib.import_module(f"benchmarks.bench_{name}").run()
        except Skip as skipped:
            table.add_row(name, f"skipped: {skipped}", "", "", "", "")
            continue
        for figure in figures:
            missed = missed or figure.holds is False
            table.add_row(*_row(figure))
            lines.append(_line(figure))
    (FOLDER / "latest.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    console.print(table)
    return 1 if missed else 0


def _row(figure: Figure) -> tuple[str, ...]:
    sign = "≤" if figure.better == "lower" else "≥"
    return (
        figure.name,
        f"{figure.value:.3g} {figure.unit}",
        "" if figure.reference is None else f"{figure.reference:.3g} {figure.unit}",
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        "" if figure.bar is None else f"{sign} {figure.bar:g}",
        {None: "", True: "yes", False: "NO"}[figure.holds],
    )


def _line(figure: Figure) -> str:
    values = {
        "name": figure.name, "value": float(figure.value), "unit": figure.unit,
        "reference": None if figure.reference is None else float(figure.reference),
        "ratio": None if figure.ratio is None else float(figure.ratio), "bar": figure.bar, "holds": figure.holds,
    }  # fmt: skip
    return json.dumps(values)


if __name__ == "__main__":
    sys.exit(main())
