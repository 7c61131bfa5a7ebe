"""One module a command group. Each imports heavy parts inside its functions, so that `--help` stays instant."""
