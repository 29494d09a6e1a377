"""What is printed: pages made by typst from data. No database, no permissions."""
