"""Companies that buy as a group: leads whose colleagues raise the chance, and a hidden budget."""
