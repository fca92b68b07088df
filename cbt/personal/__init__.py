"""What is known of people, whoever they are to an exam: names and numbers, read, checked, sealed, masked."""
