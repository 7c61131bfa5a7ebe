"""The product loop: domain, flows, store, adapters, inference and the queue API."""
