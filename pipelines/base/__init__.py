"""What the stages and commands share: places, parameters, and how a stage runs, tells and fails."""
