"""The report: what happened to a model, on one page that a person can open, read, filter and print.

`facts` is all that it tells, `gather` reads that from the archive, `why` puts a drifted column into words and
`page` shows it. The alert function writes reports, and so does `python -m scripts.report`.
"""
