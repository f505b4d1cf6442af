"""Scripts that run in a process of Feeboard: each sets Django up, does one thing, and prints one line of JSON."""
