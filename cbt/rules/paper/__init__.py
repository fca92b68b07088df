"""Rules of the exam on paper: forms that go round, answer sheets, what is read, what is counted."""
