"""Pure types and rules of a returns desk. Imports the standard library, pydantic and `policies` only."""
