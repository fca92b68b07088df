"""Pictures that somebody sent: taken apart in a confined child, kept as our own JPEG."""
