"""An office at work during an exam: its people's browsers, what they do, and the world that it is done to."""
