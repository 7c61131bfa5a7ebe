"""The benchmarks: our own parts and their peers in one run, on the same weights and the same requests.

Measures and writes figures; the command that prints them is `workers.commands.bench`, how they are drawn is `plots`.
"""
