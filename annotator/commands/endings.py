"""How a verb can end besides well and by a UserError; a module of its own, so that it is cheap."""


class StoppedError(Exception):
    """The user stopped the verb; the message says what is kept."""


class ReportedBugError(Exception):
    """A job failed by our fault, and its traceback has been printed."""
