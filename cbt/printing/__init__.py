"""Paper: data in, an A4 PDF out, equal bytes for equal data; a confined child sets the pages."""
