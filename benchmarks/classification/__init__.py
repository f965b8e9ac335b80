"""Classification of TrashNet's pictures."""
