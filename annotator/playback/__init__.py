"""Playing a video: its clock, the thread that decodes frames ahead, the sound output, and the player over them."""
