"""A real window on a display of its own, with sound into a null sink and keys from the X server, as a person's come."""
