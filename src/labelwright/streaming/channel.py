"""A channel of a training job as a typed value: which data, in which order, in which form."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, cast, get_args

from labelwright.streaming.problems import ChannelError

__all__ = ["Channel", "Compression", "DataType", "Distribution", "InputMode", "Wrapper"]

DataType = Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"]
Distribution = Literal["FullyReplicated", "ShardedByS3Key"]
InputMode = Literal["File", "Pipe", "FastFile"]
Wrapper = Literal["None", "RecordIO"]
Compression = Literal["None", "Gzip"]

ATTRIBUTES_MAX: Final = 16
_NAME = re.compile(r"[A-Za-z0-9.\-_]{1,64}")


@dataclasses.dataclass(frozen=True, slots=True)
class Channel:
    """One channel.

    Attributes
    ----------
    name : str
        1 to 64 of ``A-Za-z0-9.-_``; not ``.`` or ``..``, for it names a folder.
    uri : str
        Key prefix, JSON manifest or augmented manifest: ``s3://...``, or a local path where the reader's
        `Objects` allow it.
    data_type : DataType
    attribute_names : tuple of str
        For augmented manifests: what is delivered of each line, in this order.
    mode : InputMode
        The effective one.
    distribution : Distribution
    wrapper : Wrapper
    compression : Compression
    shuffle_seed : int or None
        Of ShuffleConfig; None keeps the order.

    Raises
    ------
    ChannelError
        A value breaks a rule; names the member.
    """

    name: str
    uri: str
    data_type: DataType = "S3Prefix"
    attribute_names: tuple[str, ...] = ()
    mode: InputMode = "File"
    distribution: Distribution = "FullyReplicated"
    wrapper: Wrapper = "None"
    compression: Compression = "None"
    shuffle_seed: int | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in (".", ".."):
            raise ChannelError(
                f"The channel name {self.name[:100]!r} must be 1 to 64 of A-Z, a-z, 0-9, '.', '-' and '_'. "
                "Rename it.",
                field="ChannelName",
                value=self.name,
            )
        for field, value, choices in (
            ("S3DataType", self.data_type, get_args(DataType)),
            ("S3DataDistributionType", self.distribution, get_args(Distribution)),
            ("InputMode", self.mode, get_args(InputMode)),
            ("RecordWrapperType", self.wrapper, get_args(Wrapper)),
            ("CompressionType", self.compression, get_args(Compression)),
        ):
            if value not in choices:
                raise ChannelError(
                    f"{field} of channel {self.name!r} is {value!r}; it must be one of {', '.join(choices)}.",
                    field=field,
                    value=value,
                )
        if not self.uri:
            raise ChannelError(f"S3Uri of channel {self.name!r} is empty.", field="S3Uri", value="")
        self._check_attributes()
        if self.mode == "FastFile" and self.data_type != "S3Prefix":
            raise ChannelError(
                f"Channel {self.name!r}: FastFile mode takes S3Prefix, not {self.data_type}. "
                "Use Pipe or File.",
                field="InputMode",
                value=self.mode,
            )

    def _check_attributes(self) -> None:
        names = self.attribute_names
        if self.data_type != "AugmentedManifestFile":
            if names:
                raise ChannelError(
                    f"Channel {self.name!r}: AttributeNames goes with AugmentedManifestFile only.",
                    field="AttributeNames",
                    value=names,
                )
            return
        if not 1 <= len(names) <= ATTRIBUTES_MAX or not all(1 <= len(name) <= 256 for name in names):
            raise ChannelError(
                f"Channel {self.name!r}: AttributeNames must be 1 to {ATTRIBUTES_MAX} names of 1 to 256 "
                f"characters; there are {len(names)}.",
                field="AttributeNames",
                value=names,
            )
        if self.mode != "Pipe":
            raise ChannelError(
                f"Channel {self.name!r}: AugmentedManifestFile needs the input mode Pipe, not {self.mode}.",
                field="InputMode",
                value=self.mode,
            )

    @classmethod
    def from_request(cls, channel: Mapping[str, Any], job_mode: str = "File") -> Channel:
        """A channel of ``InputDataConfig``; its own ``InputMode`` wins over the job's.

        Raises
        ------
        ChannelError
            Also when the data source is none of S3's.
        """
        name = str(channel.get("ChannelName", ""))
        source = (channel.get("DataSource") or {}).get("S3DataSource")
        if not isinstance(source, Mapping):
            raise ChannelError(
                f"Channel {name!r} has no S3DataSource; no other source of data is supported.",
                field="DataSource",
                value=channel.get("DataSource"),
            )
        shuffle = channel.get("ShuffleConfig")
        return cls(
            name=name,
            uri=str(source.get("S3Uri", "")),
            data_type=cast(DataType, source.get("S3DataType", "S3Prefix")),
            attribute_names=tuple(source.get("AttributeNames") or ()),
            mode=cast(InputMode, channel.get("InputMode") or job_mode),
            distribution=cast(Distribution, source.get("S3DataDistributionType") or "FullyReplicated"),
            wrapper=cast(Wrapper, channel.get("RecordWrapperType") or "None"),
            compression=cast(Compression, channel.get("CompressionType") or "None"),
            shuffle_seed=int(shuffle["Seed"]) if shuffle else None,
        )
