"""What a handler is told about one request besides its members."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labelwright.config import ACCOUNT_ID

if TYPE_CHECKING:
    from labelwright.context import AppContext

__all__ = ["RequestContext"]


@dataclasses.dataclass(frozen=True, slots=True)
class RequestContext:
    """One verified request.

    Attributes
    ----------
    app : AppContext
        The parts of the running server.
    region : str
        From the credential scope of the signature.
    request_id : str
        A UUID; the caller sees it in ``x-amzn-RequestId``, we see it in the log.
    now : float
        Epoch seconds at which the request arrived. Handlers never read a clock.
    account_id : str
    base_url : str
        ``http://host:port`` under which this caller reaches us, without a slash at the end.
    access_key_id : str
    operation : str
        ``CreateLabelingJob``
    parameters : Mapping
        The validated input with wire names (``{"LabelingJobName": ...}``), as it may be stored. Times are
        epoch seconds.
    """

    app: AppContext
    region: str
    request_id: str
    now: float
    account_id: str = ACCOUNT_ID
    base_url: str = ""
    access_key_id: str = ""
    operation: str = ""
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def host(self) -> str:
        """``base_url`` without its scheme."""
        return self.base_url.partition("://")[2]

    @property
    def portal_host(self) -> str:
        """What workforces and teams show as ``SubDomain``: host, port and path of the worker portal."""
        return f"{self.host}/portal"
