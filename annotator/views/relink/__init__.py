"""Finding videos again that were moved, renamed or changed."""
