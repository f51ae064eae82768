"""The form of releases: out of the project, and into it."""

from annotator.views.data import checks
from annotator.views.data.fields import Field, Form, Variant
from davenet.release.facts import DEFAULT_TITLE


def release_form() -> Form:
    export = Variant(
        "export",
        "Export",
        "Pairs, weak labels and verdicts as Parquet and CSV with a data card: ids and times only, no media.",
        (
            Field(
                "out",
                "Folder",
                "folder",
                help="A new or an empty one, outside of the project.",
                is_needed=True,
                makes_new=True,
                look=checks.release_target,
            ),
            Field("title", "Title", default=DEFAULT_TITLE, help="Of the data card."),
            Field("licence", "Licence", default="unknown", help="Of the labels, by its short name: cc-by-4.0."),
            Field("anonymous", "Anonymous reviewers", "bool", False, "They are called reviewer 1, reviewer 2, …"),
            Field(
                "with_media",
                "With media",
                "bool",
                False,
                "Also frames and sounds, as WebDataset shards: mind the videos' own terms.",
                section="Media",
            ),
            Field(
                "shard_mb",
                "Shard",
                "int",
                500,
                "Of one shard at most.",
                unit="MB",
                low=1,
                high=100_000,
                section="Media",
            ),
            Field("force", "Replace", "bool", False, "Writes over an earlier release."),
        ),
    )
    take_in = Variant(
        "import",
        "Import",
        "Takes in a release's pairs, labels and verdicts on videos that this project has: all of it, or nothing.",
        (
            Field("folder", "Folder", "folder", help="Of the release.", is_needed=True, look=checks.release),
            Field(
                "keep_splits", "Keep the splits here", "bool", False, "Each video stays in the split that it has here."
            ),
        ),
    )
    return Form("release", "Release", "Start", (export, take_in))
