"""``python -m labelwright.cli``."""

from labelwright.cli import main

main()
