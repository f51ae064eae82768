"""One form for the singular and the plural of an English noun, by rules made for what cooks say.

The form need not be right English ("cherries" and "cherry" give "cherri"): both sides of a comparison go through it.
docs/guide/mining.md has how these rules and three libraries fared on food words.
"""

_IRREGULAR = {
    "leaves": "leaf",
    "loaves": "loaf",
    "halves": "half",
    "calves": "calf",
    "shelves": "shelf",
    "knives": "knife",
    "wives": "wife",
    "geese": "goose",
    "feet": "foot",
    "teeth": "tooth",
    "mice": "mouse",
    "children": "child",
    "men": "man",
    "women": "woman",
    "oxen": "ox",
    "fungi": "fungus",
    "cacti": "cactus",
    "octopi": "octopus",
    "algae": "alga",
    "octopuses": "octopus",
    "cactuses": "cactus",
    "citruses": "citrus",
    "funguses": "fungus",
    "buses": "bus",
    "menus": "menu",
    "tofus": "tofu",
    "tiramisus": "tiramisu",
}
_ES = ("oe", "che", "she", "xe", "ze", "se")  # what is left of an ending -es, or of a singular that ends so


def singular(word: str) -> str:
    """Returns the form that a word in lower case shares with its plural."""
    word = _IRREGULAR.get(word, word)
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")):
        word = word[:-1]
    if word.endswith(_ES) or (word.endswith("ie") and len(word) > 3):
        word = word[:-1]
    elif len(word) > 2 and word.endswith("y") and word[-2] not in "aeiou":
        word = word[:-1] + "i"
    return word
