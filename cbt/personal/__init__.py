"""What is known of people, whoever they are to an exam: names and numbers checked, sealed, found again, masked."""
