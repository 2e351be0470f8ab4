"""What is no test here: the fuzzer's child, which imports what only its own environment has."""

collect_ignore = ["fuzz_child.py"]
