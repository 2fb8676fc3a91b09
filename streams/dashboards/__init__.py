"""Grafana's dashboards, alert rules and runbooks, made by code: what they ask, how they look, how they get there."""
