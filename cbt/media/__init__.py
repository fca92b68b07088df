"""Pictures and sounds that somebody sent: taken apart in a confined child, drawn or copied anew."""
