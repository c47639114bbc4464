"""`leakwarden rules`: the built-in rules as a policy would write them."""

from __future__ import annotations

import yaml
from pydantic import ValidationError

from leakwarden.api.builtins import builtin_rules
from leakwarden.api.duration import Duration
from leakwarden.api.spec import Sampling
from leakwarden.errors import InvalidSpec


def builtin_rules_yaml(interval: str) -> str:
    """YAML of `rules:` at this sampling interval. Raises InvalidSpec for text that no policy could have there."""
    try:
        seconds = Sampling(interval=Duration(interval)).interval.seconds
    except ValidationError as error:
        raise InvalidSpec("--interval", error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    except ValueError as error:
        raise InvalidSpec("--interval", str(error)) from error
    rules = [rule.model_dump(mode="json", by_alias=True, exclude_none=True) for rule in builtin_rules(seconds)]
    return yaml.safe_dump({"rules": rules}, sort_keys=False, default_flow_style=None, width=120)
