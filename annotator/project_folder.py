"""How a project's folder is recognised: by its database's file, or by the file that says where its database lies.

Imports nothing, so that the first window can list projects without loading a database.
"""

from pathlib import Path

DATABASE = "project.sqlite"
PLACE = "project.json"


def is_project(folder: Path) -> bool:
    """Tells whether a project lies in a folder, wherever its database is."""
    return (folder / DATABASE).exists() or (folder / PLACE).exists()
