"""The queue API over HTTP: intake, reading, events, webhooks, health. Rules about returns are in flows and domain."""
