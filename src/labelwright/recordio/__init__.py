"""RecordIO as MXNet and SageMaker use it: records, indexes, image records, lists, protobuf records.

Works without a server. Everything streams: memory does not grow with the files.

>>> import io
>>> from labelwright import recordio
>>> stream = io.BytesIO()
>>> with recordio.RecordWriter(stream) as writer:
...     _ = writer.write(recordio.pack(recordio.IRHeader(0, 3.0, 7), b"an image"))
>>> [recordio.unpack(record)[0] for record in recordio.read([stream.getvalue()])]
[IRHeader(flag=0, label=3.0, id=7, id2=0)]
"""

from __future__ import annotations

from labelwright.recordio.augmented import items_of_manifest, local_path
from labelwright.recordio.dense import read_matrix, write_matrix
from labelwright.recordio.detection import decode_boxes, encode_boxes
from labelwright.recordio.encoding import Encoding, Frame
from labelwright.recordio.framing import MAGIC, MAGIC_BYTES, RECORD_BYTES_MAX, RecordIOError, frame
from labelwright.recordio.images import IRHeader, image_format, pack, pack_img, unpack, unpack_img
from labelwright.recordio.indexes import Index, build_index, read_index, write_index
from labelwright.recordio.listing import DEFAULT_EXTENSIONS, MadeLists, make_lists
from labelwright.recordio.lists import ListEntry, check_unique, format_entry, read_list, write_list
from labelwright.recordio.packing import Item, Packed, items_of_list, lists_of_prefix, pack_items
from labelwright.recordio.protobuf import Blobs, ProtoRecord, Tensor, decode_record, encode_record
from labelwright.recordio.random_access import RecordFile
from labelwright.recordio.reader import PlacedRecord, read, read_placed, read_shard, record_offsets
from labelwright.recordio.unpacking import Unpacked, describe, kind_of, unpack_file
from labelwright.recordio.writer import RecordWriter

__all__ = [
    "Blobs",
    "DEFAULT_EXTENSIONS",
    "Encoding",
    "Frame",
    "IRHeader",
    "Index",
    "Item",
    "ListEntry",
    "MAGIC",
    "MAGIC_BYTES",
    "MadeLists",
    "Packed",
    "PlacedRecord",
    "ProtoRecord",
    "RECORD_BYTES_MAX",
    "RecordFile",
    "RecordIOError",
    "RecordWriter",
    "Tensor",
    "Unpacked",
    "build_index",
    "check_unique",
    "decode_boxes",
    "decode_record",
    "describe",
    "encode_boxes",
    "encode_record",
    "format_entry",
    "frame",
    "image_format",
    "items_of_list",
    "items_of_manifest",
    "kind_of",
    "lists_of_prefix",
    "local_path",
    "make_lists",
    "pack",
    "pack_img",
    "pack_items",
    "read",
    "read_index",
    "read_list",
    "read_matrix",
    "read_placed",
    "read_shard",
    "record_offsets",
    "unpack",
    "unpack_file",
    "unpack_img",
    "write_index",
    "write_list",
    "write_matrix",
]
