"""Measuring speed and memory: each case in a process of its own, several runs, medians with their spread."""
