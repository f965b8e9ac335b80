"""The unmodified SageMaker Python SDK against a Labelwright server.

The SDK asks STS who it is at an address of its own, ``https://sts.<region>.amazonaws.com``, whatever
``AWS_ENDPOINT_URL`` says; all its other requests go where that variable points. `install` turns these
requests round as well, in versions 1, 2 and 3::

    import labelwright.sdk

    labelwright.sdk.install()
    import sagemaker

``labelwright exec -- python script.py`` does the same without a changed line; see `environment`. Nothing here
needs more than the standard library.
"""

from __future__ import annotations

from labelwright.sdk.environment import environment
from labelwright.sdk.shim import install

__all__ = ["environment", "install"]
