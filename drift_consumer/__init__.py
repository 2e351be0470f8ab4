"""Everything behind the stream: archive and count the records, judge the windows."""
