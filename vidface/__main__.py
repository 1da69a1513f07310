"""`python -m vidface`."""

from vidface.cli import main

main()
