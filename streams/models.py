"""The risk model as a data file: the one that is shipped, or one that `vitals fit` made."""

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from streams import point_rules
from streams.errors import VitalsError
from streams.settings import Settings
from streams.vitals.policy import Policy, WorthPolicy
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
    rules = point_rules.load(settings)
    worth = WorthPolicy() if settings.worth is None else read_worth(settings.worth)
    policy = Policy(dying_risk=settings.dying_risk, alarms_per_year=settings.alarms_per_year, worth=worth, points=rules)
    return load(settings.model or SHIPPED), policy


@cache
def read_worth(path: Path) -> WorthPolicy:
    """The policy of a TOML file: what it does not name stays as shipped. Raises VitalsError with one line."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        if unknown := said.keys() - set(WorthPolicy.__struct_fields__):
            raise ValueError(f"there is no {min(unknown)!r}, known are {', '.join(WorthPolicy.__struct_fields__)}")
        shipped = msgspec.structs.asdict(WorthPolicy())
        merged = {name: shipped[name] | of if isinstance(of, dict) else of for name, of in said.items()}
        return msgspec.convert(merged, WorthPolicy)
    except OSError as error:
        raise VitalsError(f"cannot read the policy of worth {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VitalsError(f"{path} is no valid TOML: {error}") from None
    except (ValueError, TypeError) as error:
        raise VitalsError(f"{path}: {error}") from None


def save(model: Model, path: Path) -> None:
    """Write a model so that people can read it; it appears whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(model), indent=2) + b"\n")
    part.replace(path)
