"""The Matchmaps workspace: a video plays and shows where in the picture the model hears what it hears."""
