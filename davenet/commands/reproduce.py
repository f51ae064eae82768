"""`python -m davenet reproduce TABLE PROJECT`: hands over to the package that knows projects, where it is installed.

The core knows no projects and must not import the app, so that the app registers its command in the entry points'
group davenet.commands.
"""

import sys
from importlib.metadata import EntryPoint, distributions

GROUP = "davenet.commands"


def main(arguments: list[str]) -> int:
    """Runs the registered command with its verb before its arguments, and returns its exit status."""
    registered = _registered("reproduce")
    if registered is None:
        sys.stderr.write(
            "The verb reproduce takes its pairs from a project, and the package that knows projects is not installed; "
            "install Matchmap Annotator, or give the job's files with --spec FILE.\n"
        )
        return 2
    return int(registered.load()(["reproduce", *arguments]))


def _registered(name: str) -> EntryPoint | None:
    """Looks through every installation: what an older one left in a checkout would hide the newer one's entry."""
    for distribution in distributions():
        for entry in distribution.entry_points:
            if (entry.group, entry.name) == (GROUP, name):
                return entry
    return None
