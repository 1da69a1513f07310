"""Live inputs: cameras and streams that do not wait for us.

The way of a picture: `_child` (a process of its own: opens, demuxes, may hang and be killed) -> `wire`
(messages on a pipe) -> `link` (reads them, with time-outs) -> `connection` (decodes) -> `source` (connects
again, marks gaps) -> `entry` (newest wins) -> the engine.
"""
