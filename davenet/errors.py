"""The one error a user sees as a sentence: the world's fault. Everything else is a bug and keeps its traceback."""


class UserError(Exception):
    """What failed, on which file, and what to do about it, in one sentence that can be shown as it is."""


def one_line(error: BaseException) -> str:
    """Returns the message of an error as one line, with its type's name where it has no message."""
    return " ".join(str(error).split()) or type(error).__name__
