"""The SageMaker Python SDK 3, unmodified, doing what its guides do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labelwright.training.namespace import is_allowed

pytestmark = [pytest.mark.slow, pytest.mark.train]

# The SDK's drivers want real paths under /opt/ml.
needs_namespace = pytest.mark.skipif(not is_allowed(), reason="this kernel allows no mount namespaces")


@pytest.fixture(scope="module")
def flow(run_flow: Callable[[str], Any]) -> Any:
    return run_flow("v3")


def test_the_session_finds_bucket_and_role(flow: Any) -> None:
    assert flow.facts("session") == {
        "bucket": "sagemaker-us-east-1-000000000000",
        "role": "arn:aws:iam::000000000000:role/LabelwrightRole",
        "image": "811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1",
    }
    assert flow.elsewhere == []


def test_a_classifier_is_trained_from_recordio(flow: Any) -> None:
    facts = flow.facts("train")
    assert facts["status"] == "Completed"
    assert facts["model"].endswith(f"/v3/output/{facts['job']}/output/model.tar.gz")
    assert facts["log"], "the log was shown while it trained"
    assert flow.facts("resources")["metrics"] == ["train:accuracy", "validation:accuracy"]


def test_resources_make_an_endpoint_and_transform(flow: Any) -> None:
    facts = flow.facts("resources")
    assert sum(facts["answer"]) == pytest.approx(1, abs=1e-3)
    assert (facts["listed"], facts["status"]) == (["shapes"], "InService")
    # A batch transform job writes objects where nothing else is asked for, an endpoint lists.
    first = flow.facts("transform")["first"]
    assert first == {"prediction": pytest.approx(facts["answer"], abs=1e-3)}


def test_the_builder_deploys(flow: Any) -> None:
    facts = flow.facts("builder")
    assert facts["model"] == "built"
    assert facts["answer"] == pytest.approx(flow.facts("resources")["answer"], abs=1e-3)


@needs_namespace
def test_a_script_is_trained_by_the_drivers_of_the_sdk(flow: Any) -> None:
    facts = flow.facts("script")
    assert facts["status"] == "Completed"
    assert any("epoch=1; error=0.750000;" in line for line in facts["log"])


@needs_namespace
def test_hyperparameters_are_tuned(flow: Any) -> None:
    facts = flow.facts("tuner")
    assert facts["status"] == "Completed"
    assert facts["best"]
