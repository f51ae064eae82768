"""When Python looks for unused objects: not among those of the window and the open project, which stay.

A look at all of them takes 50 to 400 ms and holds up every thread; reading a long queue would set off several.
"""

import gc

_NEW_OBJECTS = 20_000  # since the last look at the new ones; Python's own 700 are soon reached by any list of pairs


def spare_present_objects() -> None:
    """Leaves what there is now out of every look from here on."""
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
    gc.freeze()


def look_at_all_again() -> None:
    """A project was closed: what it leaves is found by the next look."""
    gc.unfreeze()
