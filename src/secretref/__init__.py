"""Secret references in workflow definitions: resolved at execution time, kept out of everything recorded."""
