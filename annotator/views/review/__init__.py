"""The Review workspace: is what the detector saw also said? Widgets that know no database, and their presenter."""
