"""谜语: a riddle, and the one word that answers it."""
