"""Objects by URI: one interface over the embedded store and over any S3-compatible one.

Everything in the server that touches objects goes through here by ``s3://bucket/key``; keys are checked
here (and in `labelwright.s3.names` for what clients send) and nowhere else.
"""

from __future__ import annotations

from labelwright.blobs.interface import BlobInfo, Blobs, parse_uri
from labelwright.blobs.opening import open_blobs

__all__ = ["BlobInfo", "Blobs", "open_blobs", "parse_uri"]
