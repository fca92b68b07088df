"""The exam on paper (闭卷笔试): what is printed, handed in, scanned, read and typed."""
