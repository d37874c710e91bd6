"""The reference of the stack config is generated, complete, and up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.language import schema
from stacks.reference import reference
from stacks.stack_keys import ROOTS

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def models(root: schema.Model) -> set[schema.Model]:
    """All models that a root may hold."""
    found: set[schema.Model] = {root}
    waiting = [field.annotation for field in root.model_fields.values()]
    while waiting:
        for one in schema.alternatives(waiting.pop()):
            if schema.is_model(one) and one not in found:
                found.add(one)
                waiting += [field.annotation for field in one.model_fields.values()]
            elif (item := schema.item_type(one)) is not None:
                waiting.append(item)
    return found


MODELS = sorted({model for root in ROOTS.values() for model in models(root)}, key=lambda model: model.__name__)


def test_the_committed_page_is_current():
    assert PAGE.read_text() == reference(), "run: python -m stacks.reference > docs/configuration.md"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_has_a_meaning_and_is_on_the_page(model: schema.Model):
    page = reference()
    assert model.__doc__, "the page shows it under the heading"
    for key, field in schema.fields_by_key(model).items():
        assert field.description, f"{model.__name__}.{key} has no description"
        assert f"| `{key}` |" in page
        assert field.description in page


def test_models_refuse_unknown_keys_and_conversions():
    for model in MODELS:
        assert model.model_config.get("extra") == "forbid", model
        assert model.model_config.get("frozen") is True, model
        assert model.model_config.get("strict") is True, model
        assert model.model_config.get("hide_input_in_errors") is True, model
