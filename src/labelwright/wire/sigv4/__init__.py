"""AWS Signature Version 4: verify what clients signed, and presign downloads without asking anybody.

This package decides whether a request was signed with a known secret, was not altered on the way, and is not
too old. What the caller may then do, and how a refusal is written (S3 answers XML, others JSON), is left to
the doors; so is reading the body: callers of services other than S3 hand in its hash, S3 bodies are checked
while they stream (`labelwright.s3.chunked`).

==================  ==================================================================================
`scope`             credential scopes, times and the keys made of them
`claim`             what a request claims about itself, and the ways it can be wrong
`header_form`       the claim in an ``Authorization`` header
`query_form`        the claim in the query of a presigned link
`verifier`          computes the signature that a claim should have, and compares
`presign`           makes links
==================  ==================================================================================

It runs on every request, so each step has a short way for the usual case: paths and queries that are
canonical already are not decoded and encoded again, signing keys and parsed scopes are kept.
"""

from __future__ import annotations

from labelwright.wire.sigv4.claim import EMPTY_SHA256, MAX_SKEW_S, UNSIGNED_PAYLOAD, SignatureProblem
from labelwright.wire.sigv4.presign import presign_get
from labelwright.wire.sigv4.scope import ALGORITHM, MAX_EXPIRES_S, scope_service, signing_key
from labelwright.wire.sigv4.verifier import Verified, Verifier

__all__ = [
    "ALGORITHM",
    "EMPTY_SHA256",
    "MAX_EXPIRES_S",
    "MAX_SKEW_S",
    "UNSIGNED_PAYLOAD",
    "SignatureProblem",
    "Verified",
    "Verifier",
    "presign_get",
    "scope_service",
    "signing_key",
]
