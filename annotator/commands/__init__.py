"""The command line's verbs by subject; `annotator.cli` puts them together."""
