"""The whole of the service models, ours and botocore's, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import botocore.loaders
import botocore.model
import pytest

from labelwright.wire.model import ServiceModel, prune


@pytest.fixture(scope="session")
def botocore_models() -> Mapping[str, botocore.model.ServiceModel]:
    """botocore's own view of the three services."""
    loader = botocore.loaders.Loader()
    return {
        name: botocore.model.ServiceModel(loader.load_service_model(name, "service-2"), name)
        for name in ("sagemaker", "sts", "cognito-idp")
    }


@pytest.fixture(scope="session")
def models(botocore_models: Mapping[str, botocore.model.ServiceModel]) -> Mapping[str, ServiceModel]:
    """Our view, with every operation kept, implemented or not."""
    wanted = {name: model.operation_names for name, model in botocore_models.items()}
    return {name: ServiceModel(name, data) for name, data in prune(wanted).items()}
