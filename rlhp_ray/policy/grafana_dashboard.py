"""The Grafana dashboard of the exported metrics, as the JSON that Grafana imports.

`python -m rlhp_ray.policy.grafana_dashboard > cluster/grafana_dashboard.json` makes the file.
"""

import json
from typing import Any

from rlhp_ray.policy.exported_metrics import PANELS, PREFIX, Panel

NAMESPACE = "ray_"  # which Ray puts before every metric's name
_COLUMNS, _WIDTH, _HEIGHT = 2, 12, 8  # in units of Grafana's grid, which is 24 wide
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> dict[str, Any]:
    """One panel for each of `PANELS`; Prometheus and runs are chosen at the top."""
    return {
        "uid": "rlhp-ray",
        "title": "rlhp_ray",
        "tags": ["rlhp", "ray"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
                *(_variable(name) for name in ("env", "run")),
            ]
        },
        "panels": [_panel(index, panel) for index, panel in enumerate(PANELS)],
    }


def _variable(tag: str) -> dict[str, Any]:
    return {
        "name": tag,
        "type": "query",
        "datasource": _SOURCE,
        "query": f"label_values({NAMESPACE}{PREFIX}env_steps, {tag})",
        "refresh": 2,  # whenever the range of time changes
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(index: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(index, _COLUMNS)
    return {
        "id": index + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _SOURCE,
                "expr": f'{NAMESPACE}{PREFIX}{key}{{env=~"$env", run=~"$run"}}',
                "legendFormat": f"{{{{run}}}} {key}",
            }
            for place, key in enumerate(panel.keys)
        ],
    }


def dashboard_text() -> str:
    """As `cluster/grafana_dashboard.json` holds it."""
    return json.dumps(dashboard(), indent=2)


if __name__ == "__main__":
    print(dashboard_text())
