"""The S3 door and the object store of plain files behind it.

`names` says which bucket names and keys are allowed and where a key lies on disk; `index` keeps what is
known about each object in SQLite; `files` moves bytes; `store` puts the two together so that a put is
atomic and durable; `uploads` adds multipart uploads. Above them `door` speaks the protocol, with
`conditions`, `chunked`, `checksums`, `cors` and `documents` for its parts. `forward` answers the same door
from another S3 store.
"""
