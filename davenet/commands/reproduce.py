"""`python -m davenet reproduce TABLE PROJECT`: hands over to the package that knows projects, where it is installed.

The core knows no projects and must not import the app, so that the app registers its command in the entry points'
group davenet.commands.
"""

import sys
from importlib.metadata import entry_points

GROUP = "davenet.commands"


def main(arguments: list[str]) -> int:
    """Runs the registered command with its verb before its arguments, and returns its exit status."""
    registered = list(entry_points(group=GROUP, name="reproduce"))
    if not registered:
        sys.stderr.write(
            "The verb reproduce takes its pairs from a project, and the package that knows projects is not installed; "
            "install Matchmap Annotator, or give the job's files with --spec FILE.\n"
        )
        return 2
    return int(registered[0].load()(["reproduce", *arguments]))
