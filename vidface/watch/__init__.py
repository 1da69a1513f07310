"""Many cameras in one process, for days: `vidface watch cameras.yaml`.

`config` (cameras.yaml, checked) -> `watcher` (which cameras there are, now) -> a `lane` each (a thread: the
camera, and the graph over it) -> `station` (what the outputs of the graph hand over) -> events and pictures.
"""
