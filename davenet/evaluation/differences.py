"""Where a reproduction differs from the paper, in plain sentences: data, labels, galleries, model, weights, training."""

from collections.abc import Mapping
from typing import Any

from davenet.evaluation import paper


def differences(
    table: paper.TableName,
    finished: Mapping[paper.RowName, Mapping[str, Any]],
    *,
    changed: Mapping[str, Any],
    sources: Mapping[str, str],
) -> list[str]:
    """Returns one sentence a difference, what weighs most first; arguments as of `davenet.evaluation.report.written`."""
    trained = {name: row["trained"] for name, row in finished.items()}
    return [
        *_data(trained, sources),
        *_labels(table, sources),
        *_galleries(finished),
        *_model(trained),
        *_weights(trained),
        *_training(changed),
    ]


def _data(trained: Mapping[paper.RowName, Mapping[str, Any]], sources: Mapping[str, str]) -> list[str]:
    told = []
    videos = sources.get("videos")
    if videos:
        told.append(
            f"Videos: {videos}. The paper's are those of YouCook2 (1262 training, 439 validation) and about 3500 of "
            "YouTube-8M."
        )
    if "unsupervised" in trained and trained["unsupervised"]["pairs"] != paper.UNIFORM_PAIRS:
        n = trained["unsupervised"]["pairs"]
        told.append(
            f"Uniform training pairs: {n:,} here, {paper.UNIFORM_PAIRS:,} in the paper ({_times(paper.UNIFORM_PAIRS, n)})."
        )
    weak = next((row for name, row in trained.items() if paper.ROWS[name].pairs == "weak"), None)
    if weak is not None and (weak["food_pairs"], weak["non_food_pairs"]) != (paper.FOOD_PAIRS, paper.FOOD_PAIRS):
        told.append(
            f"Weakly labelled training pairs: {weak['food_pairs']:,} of food and {weak['non_food_pairs']:,} of none here, "
            f"{paper.FOOD_PAIRS:,} of each in the paper."
        )
    return told


def _labels(table: paper.TableName, sources: Mapping[str, str]) -> list[str]:
    told = []
    if table == "table3" and sources.get("detector"):
        told.append(
            f"Food detector: {sources['detector']}. The paper's was IBM's, with a ResNet50 and 2200 food classes."
        )
    if sources.get("recogniser"):
        told.append(f"Speech recogniser: {sources['recogniser']}. The paper's was IBM Watson's US English one.")
    if table == "table3" and sources.get("verdicts"):
        told.append(f"Verified gallery: {sources['verdicts']}. The paper's authors accepted 845 of 1067 pairs.")
    return told


def _galleries(finished: Mapping[paper.RowName, Mapping[str, Any]]) -> list[str]:
    sizes = {name: cell["figures"]["gallery_size"] for row in finished.values() for name, cell in row["cells"].items()}
    return [
        f"Gallery {name}: {size:,} pairs here (chance {min(1.0, 10 / size):.1%}), {theirs:,} in the paper "
        f"(chance {10 / theirs:.1%}): the numbers do not compare as they stand."
        for name, theirs in paper.GALLERY_SIZES.items()
        if (size := sizes.get(name, theirs)) != theirs
    ]


def _model(trained: Mapping[paper.RowName, Mapping[str, Any]]) -> list[str]:
    models = {(row["model"]["image_branch"], row["model"]["audio_branch"]) for row in trained.values()}
    told = [
        f"Model: image branch {image}, audio branch {audio}. The paper's are VGG16 and DAVEnet's."
        for image, audio in sorted(models)
        if (image, audio) != (paper.IMAGE_BRANCH, "davenet")
    ]
    sizes = sorted({row["model"]["image_size"] for row in trained.values()} - {224})
    told += [f"Pictures: {size} pixels wide instead of 224." for size in sizes]
    return told


def _weights(trained: Mapping[paper.RowName, Mapping[str, Any]]) -> list[str]:
    row = trained.get("weak-imagenet")
    if row is None or row["model"]["image_branch"] == paper.IMAGE_BRANCH:
        return []
    return [
        f"ImageNet weights: {row['image_weights']}, of a {row['model']['image_branch']}. The paper's are a VGG network's."
    ]


def _training(changed: Mapping[str, Any]) -> list[str]:
    told = []
    values = {name: value for name, value in changed.items() if name not in ("model", "image_size")}
    if values:
        set_to = ", ".join(f"{name} {value}" for name, value in sorted(values.items()))
        told.append(f"Training values set for this report, not the presets': {set_to}.")
    told.append(
        "The paper states batches of 100, stochastic gradient descent, margin 1 and T = 2 s; its learning rate, number of "
        "epochs and choice of epoch are not stated. The presets take DAVEnet's published ones (0.001, momentum 0.9, a tenth "
        "each 40 epochs) and the epoch with the best mean Recall@10 on the named gallery, which flatters a model that is "
        "measured on the same gallery, alike in each row."
    )
    return told


def _times(theirs: int, ours: int) -> str:
    ratio = theirs / max(ours, 1)
    return f"{ratio:,.0f} times as many" if ratio >= 2 else f"{ratio:.2g} times as many"
