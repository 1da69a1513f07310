"""A finished run becomes a report that a person can read, print, and hold against the files later."""
