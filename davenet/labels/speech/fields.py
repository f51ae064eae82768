"""Fields of JSON that other programs wrote: each is checked, and what is wrong with it is told with its place."""

from typing import Any

from davenet.labels.label_file import BadLineError, checked_number, checked_text

_LONGEST_S = 1e7  # of a recording: four months


def object_at(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadLineError(f"{place} must be an object")
    return value


def list_at(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadLineError(f"{place} must be a list")
    return value


def text_at(value: Any, place: str) -> str:
    """Returns a text, which may be blank."""
    return checked_text(value, place) if not isinstance(value, str) or value.strip() else value


def seconds_at(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadLineError(f"{place} must be a number of seconds")
    return checked_number(value, place, low=-_LONGEST_S, high=_LONGEST_S)


def confidence_at(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadLineError(f"{place} must be a number from 0 to 1")
    return checked_number(value, place, low=0.0, high=1.0)
