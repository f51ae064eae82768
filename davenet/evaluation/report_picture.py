"""The report's picture, as SVG text: for each row the paper's numbers and ours with their intervals, and chance."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_LABELS, _WIDTH, _RIGHT = 300, 860, 30  # pixels: left of the axis, in all, right of it
_LINE, _TOP, _BOTTOM = 24, 84, 40
_INK, _FAINT, _OURS, _PAPER, _CHANCE = "#1d2730", "#d5dbe1", "#0b6e99", "#c2571a", "#7a8691"
_WAYS = (("audio", "frame → sound"), ("visual", "sound → frame"))


def picture(lines: Sequence[Mapping[str, Any]], *, title: str) -> str:
    """Returns an SVG picture of a report's lines; rows that were not measured show the paper's numbers alone."""
    height = _TOP + len(lines) * (2 * _LINE + 14) + _BOTTOM
    most = _axis_end(lines)

    def x(share: float) -> float:
        return _LABELS + (_WIDTH - _LABELS - _RIGHT) * min(share, most) / most

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}: Recall@10, the paper's and ours</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 28, f"{title}: Recall@10", size=17),
        *_legend(),
        *_axis(x, most, height),
    ]
    y = _TOP + 16.0
    for line in lines:
        for place, (way, told) in enumerate(_WAYS):
            if place == 0:
                parts.append(_text(16, y + 4, str(line["row"]), weight="bold"))
            else:
                parts.append(_text(16, y + 4, f"on {line['gallery']}{_size(line)}", colour=_CHANCE, size=11))
            parts.append(_text(_LABELS - 12, y + 4, told, colour=_CHANCE, size=11, anchor="end"))
            parts += _marks(line, way, x, y)
            y += _LINE
        y += 14
    return "\n".join([*parts, "</svg>"]) + "\n"


def _marks(line: Mapping[str, Any], way: str, x: Any, y: float) -> list[str]:
    ours = line["ours"]
    at = x(line["paper"][way])
    marks = [
        f'<path d="M{at:.1f} {y - 6:.1f} l6 6 l-6 6 l-6 -6 z" fill="none" stroke="{_PAPER}" stroke-width="2">'
        f"<title>paper {line['paper'][way]:.1%}</title></path>"
    ]
    if ours is None:
        return marks
    low, high = ours[f"{way}_interval_95"]
    chance = x(ours["chance"])
    return [
        f'<line x1="{chance:.1f}" y1="{y - 8:.1f}" x2="{chance:.1f}" y2="{y + 8:.1f}" stroke="{_CHANCE}" '
        'stroke-dasharray="2 2"/>',
        f'<line x1="{x(low):.1f}" y1="{y:.1f}" x2="{x(high):.1f}" y2="{y:.1f}" stroke="{_OURS}" stroke-width="3" '
        'stroke-opacity="0.5"/>',
        f'<circle cx="{x(ours[way]):.1f}" cy="{y:.1f}" r="4.5" fill="{_OURS}">'
        f"<title>ours {ours[way]:.1%} ({low:.1%} to {high:.1%})</title></circle>",
        *marks,
    ]


def _legend() -> list[str]:
    y = 52
    return [
        f'<path d="M22 {y - 6} l6 6 l-6 6 l-6 -6 z" fill="none" stroke="{_PAPER}" stroke-width="2"/>',
        _text(34, y + 4, "the paper's, over its gallery"),
        f'<line x1="236" y1="{y}" x2="266" y2="{y}" stroke="{_OURS}" stroke-width="3" stroke-opacity="0.5"/>',
        f'<circle cx="251" cy="{y}" r="4.5" fill="{_OURS}"/>',
        _text(274, y + 4, "ours, with its 95 % interval"),
        f'<line x1="472" y1="{y - 8}" x2="472" y2="{y + 8}" stroke="{_CHANCE}" stroke-dasharray="2 2"/>',
        _text(480, y + 4, "chance in our gallery"),
    ]


def _axis(x: Any, most: float, height: int) -> list[str]:
    step = 0.1 if most > 0.4 else 0.05
    parts = []
    for place in range(round(most / step) + 1):
        at = x(place * step)
        parts.append(
            f'<line x1="{at:.1f}" y1="{_TOP - 6}" x2="{at:.1f}" y2="{height - _BOTTOM + 4}" stroke="{_FAINT}"/>'
        )
        parts.append(_text(at, height - _BOTTOM + 22, f"{100 * place * step:.0f} %", size=11, anchor="middle"))
    return parts


def _axis_end(lines: Sequence[Mapping[str, Any]]) -> float:
    """Returns where the axis ends: the next tenth above all that is drawn, at most 1."""
    highest = 0.1
    for line in lines:
        for way, _ in _WAYS:
            highest = max(highest, line["paper"][way])
            if line["ours"] is not None:
                highest = max(highest, line["ours"][f"{way}_interval_95"][1], line["ours"]["chance"])
    return min(1.0, (int(highest * 10 - 1e-9) + 1) / 10)


def _size(line: Mapping[str, Any]) -> str:
    return f", {line['ours']['size']:,} pairs" if line["ours"] is not None else ", not measured"


def _text(
    x: float, y: float, text: str, *, size: int = 13, colour: str = _INK, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )
