"""Child processes that do the app's heavy work: starting, following, cancelling and finding them again.

`queue` is the only part that knows Qt; what a job's end means (`outcome`), how its lines arrive (`lines`), how a run's
events are followed through its file (`tail`) and how a child is launched (`launch`) are plain values and functions.
"""
