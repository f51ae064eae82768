"""The core: media, labels, models, training and evaluation for learning words from video, without Qt or a database.

Importing this package is cheap: torch is imported only by ``davenet.model``, ``davenet.training`` and
``davenet.evaluation`` (but not by its ``recall`` reports), never by the modules the app shares with jobs.
"""

__version__ = "0.1.0"
