"""The risk model as a data file: the one that is shipped, or one that `vitals fit` made."""

from functools import cache
from pathlib import Path

import msgspec

from streams.errors import VitalsError
from streams.settings import Settings
from streams.vitals.policy import Policy
from streams.vitals.risk import Model

SHIPPED = Path(__file__).parent / "risk_model.json"


@cache
def load(path: Path = SHIPPED) -> Model:
    """The model in a file. Raises VitalsError with one line if it is none, or one of other features."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Model)
    except OSError as error:
        raise VitalsError(f"cannot read the risk model {path}: {error.strerror}") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise VitalsError(f"{path} is no risk model of this version: {error}. Make one with `vitals fit`") from None


def judging(settings: Settings) -> tuple[Model, Policy]:
    """The model and the policy that a user has set. Raises VitalsError if one cannot be used."""
    if not 0 < settings.dying_risk < 1:
        raise VitalsError(f"VITALS_DYING_RISK is {settings.dying_risk:g}: give a risk between 0 and 1, as 0.45")
    if settings.alarms_per_year < 0:
        raise VitalsError(f"VITALS_ALARMS_PER_YEAR is {settings.alarms_per_year}: give a number, 0 for no cap")
    policy = Policy(dying_risk=settings.dying_risk, alarms_per_year=settings.alarms_per_year)
    return load(settings.model or SHIPPED), policy


def save(model: Model, path: Path) -> None:
    """Write a model so that people can read it; it appears whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(model), indent=2) + b"\n")
    part.replace(path)
