"""Training: from a table to a bundle that can be served and watched. Refuses bad data, writes no pickle."""
