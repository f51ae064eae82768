"""Engines: extract, transcribe and detect on this machine or on many, with the same function for each video.

`local` is each verb's own job. `ray` (davenet.engines.cluster) hands one task a video (davenet.engines.tasks) to a Ray
cluster. With `out` the files go to an address (davenet.engines.storage) in place of the project's folder.
"""
