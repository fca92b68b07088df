"""Load on loopback, reproducible: what the engine does per second, as ratios to an empty Flask app (REF)."""
