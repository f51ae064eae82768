"""Pieces of sound to a recogniser, in this process or in several: their words come back in the order of the pieces.

Each process loads its own model. A piece is heard by itself, so that the words do not depend on how many there are.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process

from davenet.errors import UserError
from davenet.labels.pieces import Sound
from davenet.labels.speech.transcriber import Transcriber, open_transcriber, uses_all_cores
from davenet.labels.words import Word
from davenet.specs import TranscriberOptions

_WORTH_A_PROCESS_S = 45.0  # of sound: below it, loading a model once more takes as long as hearing
_LOOK_S = 0.2

Hear = Callable[[Sound], "Future[list[Word]]"]

_recognise: Transcriber | None = None  # of a process that hears for another


def n_processes(jobs: int, recognise: Transcriber, seconds: float) -> int:
    """Returns how many processes are to hear so many seconds: what was asked for, or what suits machine and recogniser."""
    if jobs:
        return jobs
    if uses_all_cores(recognise):
        return 1
    return max(1, min(_n_cores(), int(seconds / _WORTH_A_PROCESS_S)))


@contextmanager
def hearing(recognise: Transcriber, named: str, options: TranscriberOptions, processes: int) -> Iterator[Hear]:
    """Gives the function that sends a piece to be heard; processes end with the context, at once after an error."""
    if processes == 1:
        yield lambda sound: _heard_here(recognise, sound)
        return
    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(named, options.model_dump_json())
    )
    try:
        yield lambda sound: pool.submit(_heard_there, sound)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def words_of(heard: "Future[list[Word]]", still_wanted: Callable[[], None]) -> list[Word]:
    """Waits for the words of a piece, calling `still_wanted` (which may raise) now and then.

    Raises UserError where the process that heard it was ended from outside.
    """
    while True:
        try:
            return heard.result(timeout=_LOOK_S)
        except TimeoutError:
            if heard.done():
                raise
            still_wanted()
        except BrokenProcessPool as error:
            raise UserError(
                "A process that recognises speech was ended (not enough memory?); transcribe with --jobs 1."
            ) from error


def _heard_here(recognise: Transcriber, sound: Sound) -> "Future[list[Word]]":
    future: Future[list[Word]] = Future()
    future.set_result(recognise(sound, recognise.rate))
    return future


def _begin(named: str, options: str) -> None:
    """Loads the recogniser in a new process, which leaves stopping to its parent and ends with it."""
    global _recognise
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _recognise = open_transcriber(named, TranscriberOptions.model_validate_json(options))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _heard_there(sound: Sound) -> list[Word]:
    assert _recognise is not None
    return _recognise(sound, _recognise.rate)


def _n_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
