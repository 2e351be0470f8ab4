"""What people run, each as `python -m scripts.<name>`: local AWS, deployment, demo, traffic, questions."""
