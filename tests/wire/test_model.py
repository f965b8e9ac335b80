"""Service models: pruning, caching, names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import botocore.model
import pytest
from botocore import xform_name

from labelwright.wire import model
from labelwright.wire.model import ServiceModel, load_models, snake_case

WANTED = {"sagemaker": ["ListWorkteams"], "sts": ["GetCallerIdentity"], "cognito-idp": []}


def test_snake_case_agrees_with_botocore(botocore_models: Mapping[str, botocore.model.ServiceModel]) -> None:
    names = set()
    for service in botocore_models.values():
        for shape_name in service.shape_names:
            shape = service.shape_for(shape_name)
            if shape.type_name == "structure":
                names |= set(shape.members)
    assert len(names) > 2000
    assert {name: snake_case(name) for name in names} == {name: xform_name(name) for name in names}


def test_pruned_models_keep_what_is_wanted_and_all_names(tmp_path: Path) -> None:
    models = load_models(WANTED, tmp_path)
    sagemaker = models["sagemaker"]
    assert sagemaker.implemented == {"ListWorkteams"}
    assert {"CreateApp", "CreateLabelingJob"} < sagemaker.operation_names
    assert sagemaker.operation("CreateApp") is None
    operation = sagemaker.operation("ListWorkteams")
    assert operation is not None
    assert operation.snake_names["NameContains"] == "name_contains"
    assert operation.output is not None
    team = operation.output.members["Workteams"].member
    assert team.required == {"WorkteamName", "MemberDefinitions", "WorkteamArn", "Description"}
    identity = models["sts"].operation("GetCallerIdentity")
    assert identity is not None
    assert identity.result_wrapper == "GetCallerIdentityResult"


def test_second_start_reads_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_models(WANTED, tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size < 200_000
    monkeypatch.setattr(model, "_prune_apart", lambda request: pytest.fail("pruned again"))
    assert load_models(WANTED, tmp_path)["sagemaker"].implemented == {"ListWorkteams"}


def test_cache_of_other_wishes_or_damaged_is_made_again(tmp_path: Path) -> None:
    load_models(WANTED, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"{")
    assert load_models(WANTED, tmp_path)["sagemaker"].implemented == {"ListWorkteams"}
    more = {**WANTED, "sagemaker": ["ListWorkteams", "ListTags"]}
    assert load_models(more, tmp_path)["sagemaker"].implemented == {"ListWorkteams", "ListTags"}


def test_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    blocker = tmp_path / "cache"
    blocker.write_text("a file where the folder should be")
    assert load_models(WANTED, blocker)["sagemaker"].implemented == {"ListWorkteams"}


def test_the_server_never_imports_botocore() -> None:
    code = (
        "import sys; from labelwright.wire import model, validate, aws_json, query, errors, paginate, route;"
        "sys.exit('botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_every_shape_is_there(models: Mapping[str, ServiceModel]) -> None:
    for service in models.values():
        for name in service.implemented:
            operation = service.operation(name)
            assert operation is not None
            for shape in (operation.input, operation.output):
                if shape is not None:
                    assert shape.type == "structure"
                    assert all(member.type for member in shape.members.values())
