"""Use cases of the desk. They speak to the world through `services.ports` and never import store or adapters."""
