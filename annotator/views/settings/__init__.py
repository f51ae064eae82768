"""The settings: one page over the workspace, a section a subject, each change in force and kept at once."""
