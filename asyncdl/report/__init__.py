"""What a collection tells people and programs: where it stands (`status`), and why (`explain`). Only reads."""
