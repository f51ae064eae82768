"""The release: machine and human labels of a project as tables that anyone can load, with a data card; ids and times only.

`columns` says what the tables hold, `build` makes a release out of them, `reading` reads one back. No torch, no database;
pyarrow is imported on use.
"""
