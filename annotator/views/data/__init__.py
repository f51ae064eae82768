"""The Data workspace: the videos, what is done for each, and a button for every verb."""
