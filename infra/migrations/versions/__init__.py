"""One file a step, numbered, each naming the step before it. A released step is never edited."""
