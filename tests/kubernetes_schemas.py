"""Schemas for kubeconform out of the API description of Kubernetes: `python -m tests.kubernetes_schemas SWAGGER DIR`.

One file per kind that the chart may have, `<kind>-<group>-<version>.json` in lower case. They are closed: an unknown
field is refused, as the API server does on strict validation.
"""

import json
import sys
from pathlib import Path

KINDS = {
    "ConfigMap", "Deployment", "Job", "NetworkPolicy", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget", "Service",
    "StatefulSet",
}  # fmt: skip
_INT_OR_STRING = {"oneOf": [{"type": "string"}, {"type": "integer"}]}


def schemas(swagger):
    """File name and schema of each of these kinds."""
    definitions = {name: _closed(name, one) for name, one in swagger["definitions"].items()}
    for one in definitions.values():
        for kind in one.get("x-kubernetes-group-version-kind", []):
            if kind["kind"] not in KINDS:
                continue
            parts = [kind["kind"], *([kind["group"].partition(".")[0]] if kind["group"] else []), kind["version"]]
            yield f"{'-'.join(parts).lower()}.json", one | {"definitions": definitions}


def _closed(name, definition):
    if name.endswith("IntOrString"):
        return _INT_OR_STRING
    if name.endswith("resource.Quantity"):
        return {"type": ["string", "number"]}
    if "properties" in definition and not definition.get("x-kubernetes-preserve-unknown-fields"):
        return definition | {"additionalProperties": False}
    return definition


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.mkdir(parents=True, exist_ok=True)
    for file, schema in schemas(json.loads(source.read_text())):
        (target / file).write_text(json.dumps(schema))
