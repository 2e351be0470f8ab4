"""What training, serving and monitoring share: pure functions and frozen values, no AWS, no clock."""
