"""How fast the engines are, side by side: ``python -m benchmarks [--quick] [--json FILE]``."""
