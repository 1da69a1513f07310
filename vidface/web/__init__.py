"""The live page: cameras, events and health in a browser, metrics for Prometheus, and a control API.

`board` says what is shown and who provides it, `settings` where it is served, `server` serves it. Only `app`
and `server` need the extra `web`.
"""
