"""What is known of a model before its labels are mature: pure statistics, without any reading."""
