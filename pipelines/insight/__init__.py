"""What the data tell beside the main job: checks, drafts, delays, persons, vendors, points."""
