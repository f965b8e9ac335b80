"""DataProcessing: filter what is sent, join what comes back with what it was made from, filter the rows.

The order is InputFilter, model, JoinSource, OutputFilter. JSON numbers keep their value; integers of any size
stay exact.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from labelwright.core.json_path import JsonPath
from labelwright.core.transform_job import is_processed, joins_lines
from labelwright.errors import InvalidRequest
from labelwright.hosting.transform.splitting import lines_of

__all__ = ["Processing"]

RESULT: Final = "SageMakerOutput"
INPUT: Final = "SageMakerInput"


class Processing:
    """What a job's ``DataProcessing`` does to records and answers.

    Parameters
    ----------
    content_type : str
        Of records and answers: ``text/csv``, ``application/json`` or ``application/jsonlines``.
    input_filter, output_filter : str
        JSONPaths; ``$`` changes nothing.
    is_joined : bool
        JoinSource Input.

    Examples
    --------
    >>> Processing("text/csv", "$[1:]", "$[0,-1]", is_joined=True).prepare(b"17,a,b")
    b'a,b'
    >>> Processing("text/csv", "$[1:]", "$[0,-1]", is_joined=True).rows([b"17,a,b"], b"0.9\\n")
    [b'17,0.9']
    """

    def __init__(self, content_type: str, input_filter: str, output_filter: str, *, is_joined: bool) -> None:
        self._is_csv = content_type == "text/csv"
        self._has_rows = content_type != "application/json"
        self._input = JsonPath(input_filter)
        self._output = JsonPath(output_filter)
        self._is_joined = is_joined

    @classmethod
    def of_request(cls, request: Mapping[str, Any]) -> Processing | None:
        """What the request of CreateTransformJob asks for; None where it asks for nothing."""
        if not is_processed(request):
            return None
        processing = request["DataProcessing"]
        source = request["TransformInput"]
        content_type = source.get("ContentType", "").partition(";")[0].strip().lower()
        if joins_lines(request):
            content_type = "application/json"  # one line and one document at a time
        return cls(
            content_type,
            processing.get("InputFilter", "$"),
            processing.get("OutputFilter", "$"),
            is_joined=processing.get("JoinSource", "None") == "Input",
        )

    def prepare(self, record: bytes) -> bytes:
        """What is sent of a record.

        Raises
        ------
        InvalidRequest
            The record is not of its content type, or has nothing at the path.
        """
        if self._input.is_whole:
            return record
        return b"\n".join(self._written(self._input.select(self._parsed(row))) for row in self._rows(record))

    def rows(self, records: Sequence[bytes], answer: bytes) -> list[bytes]:
        """Rows of the output for one request.

        Parameters
        ----------
        records : sequence of bytes
            As they were before `prepare`.
        answer : bytes
            To all of them.

        Raises
        ------
        InvalidRequest
            Rows of the answer are not as many as those of the records, or not of the content type, or have
            nothing at the path.
        """
        inputs = [row for record in records for row in self._rows(record)]
        is_one = not self._has_rows and len(inputs) == 1
        outputs = [answer] if is_one else list(lines_of([answer]))
        if not self._is_joined:
            return [self._filtered(self._parsed(row)) for row in outputs]
        if len(outputs) != len(inputs):
            raise InvalidRequest(
                f"The model answered {len(outputs)} rows to {len(inputs)} records, so they cannot be joined. "
                "Use BatchStrategy SingleRecord, or JoinSource None.",
                field="DataProcessing.JoinSource",
            )
        return [
            self._filtered(self._joined(self._parsed(before), self._parsed(after)))
            for before, after in zip(inputs, outputs, strict=True)
        ]

    def _rows(self, record: bytes) -> list[bytes]:
        return list(lines_of([record])) if self._has_rows else [record]

    def _parsed(self, row: bytes) -> Any:
        try:
            text = row.decode()
            if self._is_csv:
                return next(csv.reader([text.rstrip("\r\n")], strict=True), [])
            return json.loads(text)
        except (ValueError, csv.Error) as error:
            kind = "CSV" if self._is_csv else "JSON"
            raise InvalidRequest(f"A record is no valid {kind}: {error}.", field="ContentType") from error

    def _joined(self, before: Any, after: Any) -> Any:
        if self._is_csv:
            return [*before, *after]
        if isinstance(before, dict):
            return {**before, RESULT: after}
        return {INPUT: before, RESULT: after}

    def _filtered(self, row: Any) -> bytes:
        return self._written(self._output.select(row))

    def _written(self, value: Any) -> bytes:
        if not self._is_csv:
            try:
                return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
            except UnicodeEncodeError:  # half a surrogate pair, which only an escape can write
                return json.dumps(value, separators=(",", ":")).encode()
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return line.getvalue().encode()
