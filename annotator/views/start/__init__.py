"""The first page: what the app is for, the projects opened lately, and the ways to begin."""
