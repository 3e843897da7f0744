"""Trees: LightGBM's forests read, scored and explained without LightGBM."""
