"""What the clip is worth and what it costs: known middles, spoilt as models spoil them, clipped and compared."""
