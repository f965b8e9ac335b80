"""Segmentation of CamVid's streets."""
