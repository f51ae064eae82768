"""The names of a project's reviewers: those who gave verdicts and those who were added; no passwords, only names."""

from annotator.store import Store
from davenet.errors import UserError

_ADDED = "reviewer_names"
LONGEST_NAME = 80  # characters


def known_reviewers(store: Store, reviewer: str = "") -> list[str]:
    """Returns the names in alphabetical order, with `reviewer`, who may have given no verdict yet."""
    added = store.setting(_ADDED)
    names = {str(name) for name in added} if isinstance(added, list) else set()
    names.update(store.reviewers())
    if reviewer:
        names.add(reviewer)
    return sorted(names, key=str.casefold)


def add_reviewer(store: Store, name: str) -> str:
    """Adds a name and returns it as it is kept; raises UserError where it is empty, too long or there already."""
    name = " ".join(name.split())
    if not name:
        raise UserError("A reviewer needs a name; write one.")
    if len(name) > LONGEST_NAME:
        raise UserError(f"The name {name[:20]}… is longer than {LONGEST_NAME} letters; write a shorter one.")
    known = known_reviewers(store)
    if same := next((one for one in known if one.casefold() == name.casefold()), None):
        raise UserError(f"{same} reviews here already; choose that name, or write another.")
    added = store.setting(_ADDED)
    store.set_setting(_ADDED, [*(added if isinstance(added, list) else []), name])
    return name
