"""For Prometheus and Grafana: what is measured, the rules that raise alerts, a dashboard."""
