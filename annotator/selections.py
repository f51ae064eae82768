"""Named selections of pairs, sent to review by other workspaces or by the loop: kept in the project's settings.

A selection keeps its sender's order, and where each pair was chosen for a reason, the reason.
"""

from collections.abc import Mapping, Sequence

from annotator.store import Store

_SELECTIONS, _REASONS = "selections", "selection reasons"


def read_selections(store: Store) -> dict[str, list[str]]:
    """Returns the pairs' uids by the selection's name."""
    kept: dict[str, list[str]] = store.setting(_SELECTIONS, {})
    return kept


def read_reasons(store: Store, name: str) -> dict[str, str]:
    """Returns why each pair of a selection was chosen, by uid; empty where no reasons were given."""
    kept: dict[str, dict[str, str]] = store.setting(_REASONS, {})
    return kept.get(name, {})


def reason_of(store: Store, uid: str) -> str:
    """Returns why a pair was chosen by the newest selection that gives a reason for it, "" where none does."""
    kept: dict[str, dict[str, str]] = store.setting(_REASONS, {})
    return next((reasons[uid] for reasons in reversed(kept.values()) if uid in reasons), "")


def keep_selection(store: Store, name: str, uids: Sequence[str], reasons: Mapping[str, str] | None = None) -> None:
    """Keeps a selection under a name, in place of one that has it."""
    store.set_setting(_SELECTIONS, read_selections(store) | {name: list(dict.fromkeys(uids))})
    kept: dict[str, dict[str, str]] = store.setting(_REASONS, {})
    if reasons or name in kept:
        others = {other: reason for other, reason in kept.items() if other != name}
        store.set_setting(_REASONS, others | {name: dict(reasons or {})})


def forget_selection(store: Store, name: str) -> None:
    """Forgets a selection; the pairs and their verdicts stay."""
    for key in (_SELECTIONS, _REASONS):
        kept = store.setting(key, {})
        if name in kept:
            store.set_setting(key, {other: value for other, value in kept.items() if other != name})
