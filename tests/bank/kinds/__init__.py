"""Bank files that nobody made for us, by kind and dirt, with their truth known: what doubts are measured on."""
