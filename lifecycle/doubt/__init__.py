"""The doubt model of the claim verifier: its sentences and its training. Its use is `services.domain.reading.doubt`."""
