"""The only place for argparse and rich: what a person types and reads in a terminal."""
