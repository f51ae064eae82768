"""The core: media, labels, models, training and evaluation for learning words from video, without Qt or a database.

Importing this package is cheap: torch is imported only by ``davenet.model``, ``davenet.training`` and
``davenet.evaluation`` (but not by its ``recall`` reports), never by the modules the app shares with jobs.
"""

import os

# torch's threads otherwise spin while they wait for each other: beside other busy programs a training step on two cores
# took 7.8 s instead of 2.2 s. It must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
